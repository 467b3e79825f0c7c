#if canImport(Glibc)
    private import Glibc
#elseif canImport(Musl)
    private import Musl
#elseif canImport(Darwin)
    private import Darwin
#endif

// The standard library has no logarithm, and evidence is too large a number for anything else.

/// The natural logarithm; -infinity of 0.
func ln(_ number: Double) -> Double { log(number) }

/// The natural logarithm of 1 + a number, exact for small numbers too.
func ln1p(_ number: Double) -> Double { log1p(number) }

/// e to the power of a number.
func exponential(_ number: Double) -> Double { exp(number) }
