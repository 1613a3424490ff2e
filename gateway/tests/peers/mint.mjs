// Mints access tokens with `jose`, which shares no code with the gateway.
//
// One JSON document on stdin: {"algs": ["ES256"], "tokens": [{"alg", "header", "claims"}]}. One on
// stdout: {"jwks", "tokens"}; each algorithm has one fresh key, named after it.
import { text } from "node:stream/consumers";
import { exportJWK, generateKeyPair, SignJWT } from "jose";

const { algs, tokens } = JSON.parse(await text(process.stdin));
const keys = new Map();
const published = [];
for (const alg of algs) {
  const { publicKey, privateKey } = await generateKeyPair(alg);
  keys.set(alg, privateKey);
  published.push({ ...(await exportJWK(publicKey)), kid: `key-${alg}`, alg, use: "sig" });
}
const minted = await Promise.all(
  tokens.map(({ alg, header, claims }) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg, kid: `key-${alg}`, ...header })
      .sign(keys.get(alg)),
  ),
);
console.log(JSON.stringify({ jwks: { keys: published }, tokens: minted }));
