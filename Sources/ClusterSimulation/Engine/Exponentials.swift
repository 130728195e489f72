/// e to a power, by halving the argument and a series: no library, the same bits on every machine.
func naturalExponential(_ exponent: Double) -> Double {
    var halvings = 0
    var rest = exponent
    while abs(rest) > 0.25 {
        rest /= 2
        halvings += 1
    }
    var (sum, term) = (1.0, 1.0)
    for step in 1...14 {
        term *= rest / Double(step)
        sum += term
    }
    for _ in 0..<halvings { sum *= sum }
    return sum
}

/// The natural logarithm of a positive number, by Newton's method on the exponential.
func naturalLogarithm(_ value: Double) -> Double {
    var guess = Double(value.exponent) * 0.693_147_180_559_945_3
    for _ in 0..<60 {
        let exponential = naturalExponential(guess)
        let next = guess + 2 * (value - exponential) / (value + exponential)
        if abs(next - guess) <= 1e-15 * max(1, abs(guess)) { return next }
        guess = next
    }
    return guess
}
