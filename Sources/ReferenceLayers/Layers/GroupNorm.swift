package import CheckpointCore

/// Group normalisation of one image (Wu and He, arXiv:1803.08494), in place:
/// (x - mean) / sqrt(biased variance + epsilon) · scale + bias, with mean and variance over all
/// pixels and the channels of a group.
///
/// Sources: flax/linen/normalization.py, torch/nn/modules/normalization.py.
package struct GroupNorm<Scalar: ModelScalar>: Sendable {
  /// Which channels make a group.
  package enum Assignment: Sendable, Equatable {
    /// g·n ..< (g + 1)·n, for n channels in a group: both frameworks' own.
    case neighbours
    /// g, g + groups, g + 2·groups, …
    case strided
  }

  /// The module's path.
  package let path: TensorName
  package let scale: [Scalar]
  package let bias: [Scalar]
  package let groups: Int
  package let epsilon: Double
  package let assignment: Assignment

  /// - Parameter groups: divides the number of channels.
  package init(
    path: TensorName, scale: [Scalar], bias: [Scalar], groups: Int, epsilon: Double,
    assignment: Assignment = .neighbours
  ) {
    self.path = path
    self.scale = scale
    self.bias = bias
    self.groups = groups
    self.epsilon = epsilon
    self.assignment = assignment
  }

  private func group(_ channel: Int) -> Int {
    assignment == .neighbours ? channel / (scale.count / groups) : channel % groups
  }

  /// - Parameter x: (…, channels)
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func callAsFunction(_ x: inout Tensor<Scalar>, _ trace: Trace<Scalar>?) {
    let pixels = x.rows
    unsafe x.values.withUnsafeMutableBufferPointer {
      unsafe normalize($0.baseAddress!, pixels: pixels)
    }
    trace?.record(LayerIdentity(path), x)
  }

  private func normalize(_ x: UnsafeMutablePointer<Scalar>, pixels: Int) {
    let means = unsafe groupMeans(x, pixels) { value, _ in value }
    unsafe means.withUnsafeBufferPointer { means in
      let variances = unsafe groupMeans(x, pixels) { value, channel in
        let centred = unsafe value - means[channel]
        return centred * centred
      }
      let factors = scale.indices.map {
        scale[$0] / (variances[$0] + Scalar(epsilon)).squareRoot()
      }
      unsafe factors.withUnsafeBufferPointer { factors in
        unsafe bias.withUnsafeBufferPointer { bias in
          for pixel in 0..<pixels {
            let row = unsafe x + pixel * bias.count
            for channel in 0..<bias.count {
              unsafe row[channel] =
                (row[channel] - means[channel]) * factors[channel] + bias[channel]
            }
          }
        }
      }
    }
  }

  /// Pixels added up in the image's own precision; longer sums are made of these in float64, so that
  /// float32 rounds as it would over a few pixels.
  private static var run: Int { 64 }

  /// For every channel, the mean of `term` over its group.
  @inline(__always)
  private func groupMeans(
    _ x: UnsafePointer<Scalar>, _ pixels: Int, _ term: (Scalar, Int) -> Scalar
  ) -> [Scalar] {
    let channels = scale.count
    var sums = [Double](repeating: 0, count: groups)
    var partial = [Scalar](repeating: 0, count: channels)
    for start in stride(from: 0, to: pixels, by: Self.run) {
      unsafe partial.withUnsafeMutableBufferPointer { partial in
        unsafe partial.update(repeating: 0)
        for pixel in start..<min(start + Self.run, pixels) {
          let row = unsafe x + pixel * channels
          for channel in 0..<channels {
            unsafe partial[channel] += term(row[channel], channel)
          }
        }
      }
      for channel in 0..<channels { sums[group(channel)] += Double(partial[channel]) }
    }
    let count = Double(pixels * channels / groups)
    return (0..<channels).map { Scalar(sums[group($0)] / count) }
  }
}
