// Verifies tokens with `jose`, which shares no code with the gateway.
//
// One question a line on stdin: {"token", "jwks" | "jwks_uri", "issuer", "audience"}.
// One answer a line on stdout, in the same order: {"header", "claims"} or {"error"}.
import { createInterface } from "node:readline";
import { createLocalJWKSet, createRemoteJWKSet, jwtVerify } from "jose";

const sets = new Map();

function keys({ jwks, jwks_uri }) {
  const name = jwks_uri ?? JSON.stringify(jwks);
  if (!sets.has(name)) {
    sets.set(name, jwks_uri ? createRemoteJWKSet(new URL(jwks_uri)) : createLocalJWKSet(jwks));
  }
  return sets.get(name);
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  let answer;
  try {
    const question = JSON.parse(line);
    const { protectedHeader, payload } = await jwtVerify(question.token, keys(question), {
      issuer: question.issuer,
      audience: question.audience,
      algorithms: question.algorithms ?? ["EdDSA", "ES256", "RS256"],
      requiredClaims: ["sub", "iat", "exp", "jti"],
      clockTolerance: 5,
    });
    answer = { header: protectedHeader, claims: payload };
  } catch (error) {
    answer = { error: `${error.code ?? error.name}: ${error.message}` };
  }
  console.log(JSON.stringify(answer));
}
