//! Conversions in software: the same bits on any host.

use super::float::Float;
use super::fpenv::{DE, Env, IE, PE};
use super::soft::{Unbounded, deliver, quiet};
use rustc_apfloat::{Float as _, FloatConvert, Round, Status};

/// How a conversion to an integer rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exec) enum Truncation {
    /// CVTT: toward zero.
    Always,
    /// CVT: as MXCSR says.
    AsRounded,
}

/// Double to single precision.
pub(in crate::exec) fn narrow(env: &mut Env, x: u64) -> u64 {
    convert::<f64, f32>(env, x)
}

/// Single to double precision: always exact.
pub(in crate::exec) fn widen(env: &mut Env, x: u64) -> u64 {
    convert::<f32, f64>(env, x)
}

fn convert<F: Float, T: Float>(env: &mut Env, x: u64) -> u64
where
    F::Soft: FloatConvert<T::Soft>,
{
    let x = env.operand::<F>(x);
    if F::is_nan(x) {
        return convert_nan::<F, T>(quiet::<F>(env, x));
    }
    if F::is_denormal(x) {
        env.raise(DE);
    }
    let round = env.rounding();
    let value = F::Soft::from_bits(x.into());
    let log = value.ilogb();
    let unbounded = || Unbounded { value: value.scalbn(-log).convert_r(round, &mut false), exponent: log };
    deliver::<T>(env, value.convert_r(round, &mut false), unbounded)
}

/// A NaN keeps its sign and the upper bits of its payload.
fn convert_nan<F: Float, T: Float>(nan: u64) -> u64 {
    let sign = if nan & F::SIGN != 0 { T::SIGN } else { 0 };
    let payload = (nan & (F::MIN_NORMAL - 1)) << (63 - F::FRACTION) >> (63 - T::FRACTION);
    sign | T::INFINITY | payload
}

/// An integer to a float.
pub(in crate::exec) fn from_integer<F: Float>(env: &mut Env, x: i64) -> u64 {
    let result = F::Soft::from_i128_r(x.into(), env.rounding());
    if result.status.contains(Status::INEXACT) {
        env.raise(PE);
    }
    result.value.to_bits() as u64
}

/// A float to a signed integer of `bits` bits; the integer indefinite if it does not fit. A denormal raises no DE.
pub(in crate::exec) fn to_integer<F: Float>(env: &mut Env, x: u64, bits: u32, truncation: Truncation) -> u64 {
    let x = env.operand::<F>(x);
    let round = match truncation {
        Truncation::Always => Round::TowardZero,
        Truncation::AsRounded => env.rounding(),
    };
    let mut exact = false;
    let result = F::Soft::from_bits(x.into()).to_i128_r(bits as usize, round, &mut exact);
    if result.status.contains(Status::INVALID_OP) {
        env.raise(IE);
        return 1 << (bits - 1);
    }
    if result.status.contains(Status::INEXACT) {
        env.raise(PE);
    }
    result.value as u64 & (u64::MAX >> (64 - bits))
}
