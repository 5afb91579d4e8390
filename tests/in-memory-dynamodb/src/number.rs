//! Numbers as DynamoDB has them: decimal and exact, with up to 38 significant digits, from 1E-130 to 9.99...E+125.

use std::cmp::Ordering;
use std::fmt;

/// How many significant digits a number may have.
const MOST_DIGITS: u32 = 38;

/// The powers of ten that the first digit may stand for.
const EXPONENTS: std::ops::RangeInclusive<i64> = -130..=125;

/// A number; two that are equal are the same, however they were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Number {
    negative: bool,
    /// The power of ten that the first digit stands for; 0 if the number is zero.
    exponent: i64,
    /// All digits from the first significant one on, filled up with zeros to 38 digits; 0 if the number is zero.
    digits: u128,
}

/// Why there is no such number, in DynamoDB's words.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NumberError {
    NotNumeric(String),
    TooLarge,
    TooSmall,
    TooManyDigits,
}

impl Number {
    const ZERO: Self = Self {
        negative: false,
        exponent: 0,
        digits: 0,
    };

    /// Reads a number such as `-12.50`, `.5` or `9.9E+125`.
    pub(crate) fn parse(text: &str) -> Result<Self, NumberError> {
        let not_numeric = || NumberError::NotNumeric(text.to_owned());
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        let (mantissa, power) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, power)) => (mantissa, power.parse().map_err(|_| not_numeric())?),
            None => (unsigned, 0_i64),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{integer}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(not_numeric());
        }
        let significant = digits.trim_end_matches('0');
        let dropped = digits.len() - significant.len();
        let significant = significant.trim_start_matches('0');
        if significant.len() > MOST_DIGITS as usize {
            return Err(NumberError::TooManyDigits);
        }
        // no digits are left of a zero
        let coefficient = significant.parse().unwrap_or(0);
        let scale = power.saturating_add(dropped as i64 - fraction.len() as i64);
        Self::new(text.starts_with('-'), coefficient, scale)
    }

    /// `coefficient` times ten to the power of `scale`.
    fn new(negative: bool, mut coefficient: u128, mut scale: i64) -> Result<Self, NumberError> {
        if coefficient == 0 {
            return Ok(Self::ZERO);
        }
        while coefficient.is_multiple_of(10) {
            coefficient /= 10;
            scale = scale.saturating_add(1);
        }
        let count = coefficient.ilog10() + 1;
        if count > MOST_DIGITS {
            return Err(NumberError::TooManyDigits);
        }
        let exponent = scale.saturating_add(i64::from(count) - 1);
        if exponent > *EXPONENTS.end() {
            return Err(NumberError::TooLarge);
        }
        if exponent < *EXPONENTS.start() {
            return Err(NumberError::TooSmall);
        }
        Ok(Self {
            negative,
            exponent,
            digits: coefficient * 10_u128.pow(MOST_DIGITS - count),
        })
    }

    /// The coefficient that does not end in 0, and the power of ten to multiply it with.
    fn coefficient_and_scale(self) -> (u128, i64) {
        let mut coefficient = self.digits;
        let mut scale = self.exponent - i64::from(MOST_DIGITS - 1);
        while coefficient != 0 && coefficient.is_multiple_of(10) {
            coefficient /= 10;
            scale += 1;
        }
        (coefficient, scale)
    }

    /// The exact sum, if there is such a number.
    pub(crate) fn plus(self, other: Self) -> Result<Self, NumberError> {
        if self == Self::ZERO || other == Self::ZERO {
            return Ok(if self == Self::ZERO { other } else { self });
        }
        let (left, left_scale) = self.coefficient_and_scale();
        let (right, right_scale) = other.coefficient_and_scale();
        let scale = left_scale.min(right_scale);
        // One of the two keeps its last digit, which is not 0. So if the other one, brought to the same scale, does not
        // fit, the sum has more than 38 digits of which none can be dropped.
        let aligned = |coefficient: u128, own_scale: i64| {
            let shift = u32::try_from(own_scale - scale).ok()?;
            coefficient.checked_mul(10_u128.checked_pow(shift)?)
        };
        let left = aligned(left, left_scale).ok_or(NumberError::TooManyDigits)?;
        let right = aligned(right, right_scale).ok_or(NumberError::TooManyDigits)?;
        if self.negative == other.negative {
            let sum = left.checked_add(right).ok_or(NumberError::TooManyDigits)?;
            return Self::new(self.negative, sum, scale);
        }
        let larger = if left > right { self } else { other };
        Self::new(larger.negative, left.abs_diff(right), scale)
    }

    /// The exact difference, if there is such a number.
    pub(crate) fn minus(self, other: Self) -> Result<Self, NumberError> {
        let negative = !other.negative && other != Self::ZERO;
        self.plus(Self { negative, ..other })
    }

    fn sign(self) -> i8 {
        match (self.digits, self.negative) {
            (0, _) => 0,
            (_, true) => -1,
            (_, false) => 1,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let magnitude = (self.exponent, self.digits).cmp(&(other.exponent, other.digits));
        self.sign().cmp(&other.sign()).then(if self.negative {
            magnitude.reverse()
        } else {
            magnitude
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// As DynamoDB returns it: all digits, no exponent, no needless zeros.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (coefficient, scale) = self.coefficient_and_scale();
        let digits = coefficient.to_string();
        let sign = if self.negative { "-" } else { "" };
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        let point = digits.len() as i64 + scale;
        match usize::try_from(point) {
            _ if coefficient == 0 => f.write_str("0"),
            _ if scale >= 0 => write!(f, "{sign}{digits}{}", zeros(scale)),
            Ok(point) if point > 0 => {
                write!(f, "{sign}{}.{}", &digits[..point], &digits[point..])
            }
            _ => write!(f, "{sign}0.{}{digits}", zeros(-point)),
        }
    }
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNumeric(text) => {
                write!(f, "The parameter cannot be converted to a numeric value: {text}")
            }
            Self::TooLarge => f.write_str(
                "Number overflow. Attempting to store a number with magnitude larger than supported range",
            ),
            Self::TooSmall => f.write_str(
                "Number underflow. Attempting to store a number with magnitude smaller than supported range",
            ),
            Self::TooManyDigits => {
                f.write_str("Attempting to store more than 38 significant digits in a Number")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn a_number_is_returned_without_exponent_and_needless_zeros() {
        for (text, expected) in [
            ("0", "0"),
            ("-0.00", "0"),
            ("0e1000", "0"),
            ("007", "7"),
            ("+7", "7"),
            ("-7.50", "-7.5"),
            ("7.", "7"),
            (".5", "0.5"),
            ("-12.5e-3", "-0.0125"),
            ("12.5E+3", "12500"),
            ("1.25e1", "12.5"),
            ("1795003200500000000", "1795003200500000000"),
        ] {
            assert_eq!(number(text).to_string(), expected, "{text}");
        }
        assert_eq!(
            number("-9.9E+125").to_string(),
            format!("-99{}", "0".repeat(124))
        );
        assert_eq!(
            number("1E-130").to_string(),
            format!("0.{}1", "0".repeat(129))
        );
    }

    #[test]
    fn numbers_are_equal_however_they_are_written() {
        for (left, right) in [
            ("1", "1.0"),
            ("100", "1E2"),
            ("0", "-0"),
            ("0.001", "10e-4"),
            ("-5E+3", "-5000.00"),
        ] {
            assert_eq!(number(left), number(right));
        }
    }

    #[test]
    fn numbers_are_ordered_to_the_last_digit() {
        let ascending = [
            "-9.9E+125",
            "-1.0000000000000000000000000000000000001E+3",
            "-1000",
            "-2",
            "-1E-130",
            "0",
            "1E-130",
            "0.3",
            "0.30000000000000000000000000000000000001",
            "2",
            "10",
            // no f64 tells these two from each other
            "1795003200500000000",
            "1795003200500000001",
            "99999999999999999999999999999999999998",
            "99999999999999999999999999999999999999",
            "1E+38",
            "9.9E+125",
        ];
        for (index, left) in ascending.iter().enumerate() {
            for (other, right) in ascending.iter().enumerate() {
                assert_eq!(
                    number(left).cmp(&number(right)),
                    index.cmp(&other),
                    "{left} {right}"
                );
            }
        }
    }

    #[test]
    fn refuses_what_is_no_number_or_out_of_range() {
        for text in [
            "",
            "-",
            ".",
            "e5",
            "1e",
            "1e+",
            "1e1.5",
            " 1",
            "1 ",
            "1_000",
            "0x1",
            "NaN",
            "Infinity",
            "--1",
            "1.2.3",
            "1e9223372036854775808",
            "\u{661}",
        ] {
            assert!(
                matches!(Number::parse(text), Err(NumberError::NotNumeric(_))),
                "{text}"
            );
        }
        for (text, expected) in [
            ("1E+126", NumberError::TooLarge),
            ("-11e125", NumberError::TooLarge),
            ("1e9223372036854775807", NumberError::TooLarge),
            ("0.9E-130", NumberError::TooSmall),
            ("1e-9223372036854775808", NumberError::TooSmall),
            (
                "3.14159265358979323846264338327950288419",
                NumberError::TooManyDigits,
            ),
        ] {
            assert_eq!(Number::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn sums_are_exact() {
        for (left, right, sum) in [
            ("0.1", "0.2", "0.3"),
            ("1", "-1.5", "-0.5"),
            ("5", "-5", "0"),
            ("0", "-5", "-5"),
            ("-7", "0", "-7"),
            ("1", "10000000000000000000000", "10000000000000000000001"),
            ("1E38", "-1", "99999999999999999999999999999999999999"),
            ("99999999999999999999999999999999999999", "1", "1E38"),
            ("-1E-130", "3E-130", "2E-130"),
        ] {
            assert_eq!(number(left).plus(number(right)), Ok(number(sum)));
            assert_eq!(number(right).plus(number(left)), Ok(number(sum)));
            let difference = number(sum).minus(number(right));
            assert_eq!(difference, Ok(number(left)), "{sum} - {right}");
        }
    }

    #[test]
    fn refuses_a_sum_that_is_out_of_range_or_not_exact() {
        for (left, right, expected) in [
            ("9E125", "9E125", NumberError::TooLarge),
            ("1E50", "1", NumberError::TooManyDigits),
            ("1E39", "-1", NumberError::TooManyDigits),
            ("1E125", "1E-130", NumberError::TooManyDigits),
            (
                "99999999999999999999999999999999999999",
                "0.1",
                NumberError::TooManyDigits,
            ),
            ("1.5E-130", "-1E-130", NumberError::TooSmall),
        ] {
            assert_eq!(number(left).plus(number(right)), Err(expected));
        }
    }
}
