import Testing

@testable import ReferenceLayers

@Suite("Group normalisation is what its definition says")
struct GroupNormTests {
  /// Numbers around a mean several times their deviation, as a stem's are.
  private func image(_ pixels: Int, _ channels: Int) -> [Double] {
    (0..<pixels * channels).map { index in
      let noise = Double((index * 7919 + 104_729) % 1009) / 1009 - 0.5
      return 4 * Double(index % channels % 3) + noise
    }
  }

  private func definition(
    _ x: [Double], channels: Int, groups: Int, epsilon: Double, _ group: (Int) -> Int
  ) -> [Double] {
    let statistics = (0..<groups).map { number in
      let members = x.indices.filter { group($0 % channels) == number }.map { x[$0] }
      let mean = members.reduce(0, +) / Double(members.count)
      let variance = members.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members.count)
      return (mean, (variance + epsilon).squareRoot())
    }
    return x.indices.map { index in
      let channel = index % channels
      let (mean, deviation) = statistics[group(channel)]
      return (x[index] - mean) / deviation * (1 + Double(channel)) + 0.1 * Double(channel)
    }
  }

  @Test(
    arguments: [(6, 6, 8, 4), (5, 7, 12, 12), (3, 40, 6, 1), (1, 1, 4, 2), (9, 9, 3, 1)],
    [GroupNorm<Double>.Assignment.neighbours, .strided])
  func norm(_ extents: (Int, Int, Int, Int), _ assignment: GroupNorm<Double>.Assignment) {
    let (height, width, channels, groups) = extents
    let x = image(height * width, channels)
    let expected = definition(x, channels: channels, groups: groups, epsilon: 1e-3) {
      assignment == .neighbours ? $0 / (channels / groups) : $0 % groups
    }
    func largest<Scalar: ModelScalar>(
      _: Scalar.Type, _ assignment: GroupNorm<Scalar>.Assignment
    ) -> Double {
      let layer = GroupNorm<Scalar>(
        path: "", scale: (0..<channels).map { 1 + Scalar($0) },
        bias: (0..<channels).map { Scalar(0.1 * Double($0)) }, groups: groups, epsilon: 1e-3,
        assignment: assignment)
      var y = Tensor([height, width, channels], x.map { Scalar($0) })
      layer(&y, nil)
      return zip(y.values, expected).map { abs(Double($0) - $1) }.max() ?? 1
    }
    #expect(largest(Double.self, assignment) < 1e-11)
    #expect(largest(Float.self, assignment == .neighbours ? .neighbours : .strided) < 1e-4)
  }
}
