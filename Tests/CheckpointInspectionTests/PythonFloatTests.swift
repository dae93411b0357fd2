import CheckpointInspection
import Testing

/// Expectations printed by CPython 3.11's `'{:.3}'.format`.
@Test(
  "prints floats as Python's format(x, '.3') does",
  arguments: [
    (0.0, "0.0"), (-0.0, "-0.0"), (1.0, "1.0"), (10.0, "10.0"), (12.0, "12.0"), (99.5, "99.5"),
    (99.95, "1e+02"), (100.0, "1e+02"), (123.0, "1.23e+02"), (999.0, "9.99e+02"),
    (1234.0, "1.23e+03"), (0.1, "0.1"), (0.25, "0.25"), (-0.057, "-0.057"), (0.0001, "0.0001"),
    (0.00012345, "0.000123"), (0.00001, "1e-05"), (-3.37e-05, "-3.37e-05"), (1.005, "1.0"),
    (2.675, "2.67"), (0.0009995, "0.000999"), (.leastNonzeroMagnitude, "4.94e-324"),
    (1e22, "1e+22"),
    (1.7976931348623157e308, "1.8e+308"), (.nan, "nan"), (.infinity, "inf"),
    (-.infinity, "-inf"),
  ] as [(Double, String)])
func pythonFormat(_ value: Double, _ expected: String) {
  #expect(pythonThreeDigits(value) == expected)
}
