//! Arithmetic, without evaluating anyone's code.

use std::iter::Peekable;
use std::str::Chars;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::toolbox::{Tool, ToolFault, ToolSpec};
use crate::caller::Caller;

/// Works out an expression.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calculator;

/// Longer than any sum a person types.
const MOST_CHARS: usize = 200;
/// Parentheses in parentheses; bounds the stack.
const MOST_DEPTH: usize = 32;

#[async_trait]
impl Tool for Calculator {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: "calculator",
            title: "Calculator",
            description: "Works out + - * / ^ % and parentheses, sqrt and pi.",
            parameters: json!({
                "type": "object",
                "properties": { "expression": { "type": "string" } },
                "required": ["expression"],
            }),
        }
    }

    async fn run(&self, _: &Arc<Caller>, arguments: Value) -> Result<Value, ToolFault> {
        let expression = arguments.get("expression").and_then(Value::as_str);
        let expression = expression
            .ok_or_else(|| ToolFault::Arguments("the calculator needs an expression".into()))?;
        let result = evaluate(expression).map_err(ToolFault::Arguments)?;
        Ok(json!({ "expression": expression, "result": result }))
    }
}

/// The value of an expression, written as a person would.
///
/// # Errors
///
/// A sentence about what cannot be read or worked out.
pub fn evaluate(expression: &str) -> Result<String, String> {
    if expression.chars().count() > MOST_CHARS {
        return Err(format!("an expression has at most {MOST_CHARS} characters"));
    }
    let mut parser = Parser { rest: expression.chars().peekable(), depth: 0 };
    let value = parser.sum()?;
    if let Some(left) = parser.next_sign() {
        return Err(format!("{left:?} was not expected there"));
    }
    if !value.is_finite() {
        return Err("the result is not a number, as in a division by zero".to_owned());
    }
    Ok(written(value))
}

fn written(value: f64) -> String {
    let fixed = format!("{value:.10}");
    let short = fixed.trim_end_matches('0').trim_end_matches('.');
    if short == "-0" { "0".to_owned() } else { short.to_owned() }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    depth: usize,
}

impl Parser<'_> {
    fn next_sign(&mut self) -> Option<char> {
        while self.rest.next_if(|c| c.is_whitespace()).is_some() {}
        self.rest.peek().copied()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let found = self.next_sign() == Some(wanted);
        if found {
            self.rest.next();
        }
        found
    }

    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        loop {
            if self.eat('+') {
                value += self.product()?;
            } else if self.eat('-') || self.eat('−') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.power()?;
        loop {
            if self.eat('*') || self.eat('×') {
                value *= self.power()?;
            } else if self.eat('/') || self.eat('÷') {
                value /= self.power()?;
            } else if self.eat('%') {
                value %= self.power()?;
            } else {
                return Ok(value);
            }
        }
    }

    /// A sign binds looser than a power: -2^2 is -4.
    fn power(&mut self) -> Result<f64, String> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err("that is nested too deeply".to_owned());
        }
        let value = if self.eat('-') || self.eat('−') {
            -self.power()?
        } else {
            let base = self.atom()?;
            if self.eat('^') { base.powf(self.power()?) } else { base }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn atom(&mut self) -> Result<f64, String> {
        match self.next_sign() {
            Some('(') => {
                self.rest.next();
                let value = self.sum()?;
                if self.eat(')') { Ok(value) } else { Err("a ) is missing".to_owned()) }
            }
            Some(c) if c.is_ascii_digit() || c == '.' => self.number(),
            Some('√') => {
                self.rest.next();
                Ok(self.power()?.sqrt())
            }
            Some(c) if c.is_alphabetic() => self.word(),
            Some(c) => Err(format!("{c:?} was not expected there")),
            None => Err("the expression ends too early".to_owned()),
        }
    }

    fn number(&mut self) -> Result<f64, String> {
        let mut digits = String::new();
        while let Some(c) =
            self.rest.next_if(|c| c.is_ascii_digit() || matches!(c, '.' | ',' | '_'))
        {
            if !matches!(c, ',' | '_') {
                digits.push(c);
            }
        }
        digits.parse().map_err(|_| format!("{digits:?} is not a number"))
    }

    fn word(&mut self) -> Result<f64, String> {
        let mut word = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_alphabetic()) {
            word.push(c);
        }
        match word.as_str() {
            "pi" | "π" => Ok(std::f64::consts::PI),
            "sqrt" => Ok(self.power()?.sqrt()),
            _ => Err(format!("{word:?} is nothing the calculator knows")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn precedence_signs_and_functions_are_those_of_school() {
        for (expression, result) in [
            ("2 + 3 * 4", "14"),
            ("(2+3)*4", "20"),
            ("2^3^2", "512"),
            ("-2^2", "-4"),
            ("10 / 4", "2.5"),
            ("17 % 5", "2"),
            ("sqrt(144) + 1", "13"),
            ("1,000 × 2", "2000"),
            ("0.1 + 0.2", "0.3"),
        ] {
            assert_eq!(evaluate(expression).as_deref(), Ok(result), "{expression}");
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_sentence_and_depth_is_bounded() {
        for expression in ["", "2 +", "(1", "1)", "import os", "1/0", "1.2.3"] {
            assert!(evaluate(expression).is_err(), "{expression}");
        }
        assert!(evaluate(&"(".repeat(150)).is_err());
        assert!(evaluate(&"-".repeat(150)).is_err());
        assert!(evaluate(&"1".repeat(300)).is_err());
    }
}
