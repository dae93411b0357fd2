/// Winograd's minimal filtering F(4, r) in one dimension, for r = 3 or 5 taps: four outputs from
/// r + 3 multiplications instead of 4·r (Lavin and Gray, "Fast Algorithms for Convolutional Neural
/// Networks", arXiv:1509.09308).
///
///     outputs = Aᵀ [(G g) ⊙ (Bᵀ d)],   d: r + 3 neighbouring pixels, g: the taps
///
/// The points of interpolation are 0, ±1, ±2 and ∞, and with five taps also ±1/2. In float32 the
/// result differs from the definition's by a few units in the last place of the largest term.
package enum WinogradFilter: Int, Sendable {
  case threeTaps = 3
  case fiveTaps = 5

  /// Outputs per tile.
  package static let tile = 4
  /// Channels that the transforms handle at once.
  package static let lanes = 8

  package var taps: Int { rawValue }
  package var points: Int { taps + Self.tile - 1 }

  /// The finite points, each with what divides its row of G: Π (pⱼ - pₗ) over the other points, up
  /// to the sign that Bᵀ carries.
  private var interpolation: [(point: Double, scale: Double)] {
    switch self {
    case .threeTaps:
      [(0, 1 / 4), (1, -1 / 6), (-1, -1 / 6), (2, 1 / 24), (-2, 1 / 24)]
    case .fiveTaps:
      [
        (0, 1), (1, -2 / 9), (-1, -2 / 9), (2, 1 / 90), (-2, 1 / 90), (0.5, 32 / 45),
        (-0.5, 32 / 45),
      ]
    }
  }

  /// G: a row of `taps` factors per point.
  package var kernelTransform: [[Double]] {
    let finite = interpolation.map { point, scale in
      (0..<taps).map { power in (0..<power).reduce(scale) { value, _ in value * point } }
    }
    return finite + [[Double](repeating: 0, count: taps - 1) + [1]]
  }

  /// Bᵀ d for the tiles of one row of an image.
  ///
  /// - Parameters:
  ///   - x: pixels of `channels` each; tile t begins at pixel 4·t.
  ///   - plane: from one point's results to the next.
  package func transformInput<Scalar: ModelScalar>(
    _ x: UnsafePointer<Scalar>, tiles: Int, channels: Int, plane: Int,
    to target: UnsafeMutablePointer<Scalar>
  ) {
    for tile in 0..<tiles {
      for channel in stride(from: 0, to: channels, by: Self.lanes) {
        let source = unsafe x + tile * Self.tile * channels + channel
        let out = unsafe target + tile * channels + channel
        switch self {
        case .threeTaps: unsafe transformThree(source, channels, out, plane)
        case .fiveTaps: unsafe transformFive(source, channels, out, plane)
        }
      }
    }
  }

  @inline(__always)
  private func transformThree<Scalar: ModelScalar>(
    _ x: UnsafePointer<Scalar>, _ step: Int, _ out: UnsafeMutablePointer<Scalar>, _ plane: Int
  ) {
    let (d0, d1) = unsafe (load(x), load(x + step))
    let (d2, d3) = unsafe (load(x + 2 * step), load(x + 3 * step))
    let (d4, d5) = unsafe (load(x + 4 * step), load(x + 5 * step))
    let (even1, odd1) = (d4 - 4 * d2, d3 - 4 * d1)
    let (even2, odd2) = (d4 - d2, 2 * (d3 - d1))
    unsafe store(4 * d0 - 5 * d2 + d4, out)
    unsafe store(even1 + odd1, out + plane)
    unsafe store(even1 - odd1, out + 2 * plane)
    unsafe store(even2 + odd2, out + 3 * plane)
    unsafe store(even2 - odd2, out + 4 * plane)
    unsafe store(4 * d1 - 5 * d3 + d5, out + 5 * plane)
  }

  @inline(__always)
  private func transformFive<Scalar: ModelScalar>(
    _ x: UnsafePointer<Scalar>, _ step: Int, _ out: UnsafeMutablePointer<Scalar>, _ plane: Int
  ) {
    let (d0, d1) = unsafe (load(x), load(x + step))
    let (d2, d3) = unsafe (load(x + 2 * step), load(x + 3 * step))
    let (d4, d5) = unsafe (load(x + 4 * step), load(x + 5 * step))
    let (d6, d7) = unsafe (load(x + 6 * step), load(x + 7 * step))
    let (even1, odd1) = (d2 - 4.25 * d4 + d6, d1 - 4.25 * d3 + d5)
    let (even2, odd2) = (0.25 * d2 - 1.25 * d4 + d6, 0.5 * d1 - 2.5 * d3 + 2 * d5)
    let (even3, odd3) = (4 * d2 - 5 * d4 + d6, 2 * d1 - 2.5 * d3 + 0.5 * d5)
    unsafe store(d0 - d6 + 5.25 * (d4 - d2), out)
    unsafe store(even1 + odd1, out + plane)
    unsafe store(even1 - odd1, out + 2 * plane)
    unsafe store(even2 + odd2, out + 3 * plane)
    unsafe store(even2 - odd2, out + 4 * plane)
    unsafe store(even3 + odd3, out + 5 * plane)
    unsafe store(even3 - odd3, out + 6 * plane)
    unsafe store(d7 - d1 + 5.25 * (d3 - d5), out + 7 * plane)
  }

  /// Aᵀ m + bias, or relu of it, for one row of an image; the last tile may reach beyond it.
  ///
  /// - Parameters:
  ///   - plane: from one point's products to the next.
  ///   - columns: outputs of the row.
  ///   - step: elements from one output pixel to the next in `y`.
  package func transformOutput<Scalar: ModelScalar>(
    _ products: UnsafePointer<Scalar>, plane: Int, columns: Int,
    bias: UnsafeBufferPointer<Scalar>, isRectified: Bool, to y: UnsafeMutablePointer<Scalar>,
    step: Int
  ) {
    let channels = bias.count
    func finish(_ x: SIMD8<Scalar>) -> SIMD8<Scalar> { isRectified ? Scalar.relu(x) : x }
    for tile in 0..<(columns + Self.tile - 1) / Self.tile {
      let count = min(Self.tile, columns - tile * Self.tile)
      for channel in stride(from: 0, to: channels, by: Self.lanes) {
        let offset = unsafe load(bias.baseAddress! + channel)
        let results = unsafe outputs(products + tile * channels + channel, plane)
        let out = unsafe y + tile * Self.tile * step + channel
        unsafe store(finish(results.0 + offset), out)
        guard count > 1 else { continue }
        unsafe store(finish(results.1 + offset), out + step)
        guard count > 2 else { continue }
        unsafe store(finish(results.2 + offset), out + 2 * step)
        guard count > 3 else { continue }
        unsafe store(finish(results.3 + offset), out + 3 * step)
      }
    }
  }

  /// Aᵀ m: the rows of Aᵀ are the powers 0 to 3 of the points; ∞ counts in the last.
  @inline(__always)
  private func outputs<Scalar: ModelScalar>(
    _ m: UnsafePointer<Scalar>, _ plane: Int
  ) -> (SIMD8<Scalar>, SIMD8<Scalar>, SIMD8<Scalar>, SIMD8<Scalar>) {
    let m0 = unsafe load(m)
    let (m1, m2) = unsafe (load(m + plane), load(m + 2 * plane))
    let (m3, m4) = unsafe (load(m + 3 * plane), load(m + 4 * plane))
    let last = unsafe load(m + (points - 1) * plane)
    let (sum1, difference1) = (m1 + m2, m1 - m2)
    let (sum2, difference2) = (m3 + m4, m3 - m4)
    let y0 = m0 + sum1 + sum2
    let y1 = difference1 + 2 * difference2
    let y2 = sum1 + 4 * sum2
    let y3 = difference1 + 8 * difference2 + last
    guard self == .fiveTaps else { return (y0, y1, y2, y3) }
    let (m5, m6) = unsafe (load(m + 5 * plane), load(m + 6 * plane))
    let (sum3, difference3) = (m5 + m6, m5 - m6)
    return (
      y0 + sum3, y1 + 0.5 * difference3, y2 + 0.25 * sum3, y3 + 0.125 * difference3
    )
  }
}

@inline(__always)
private func load<Scalar: ModelScalar>(_ source: UnsafePointer<Scalar>) -> SIMD8<Scalar> {
  unsafe UnsafeRawPointer(source).loadUnaligned(as: SIMD8<Scalar>.self)
}

@inline(__always)
private func store<Scalar: ModelScalar>(
  _ value: SIMD8<Scalar>, _ target: UnsafeMutablePointer<Scalar>
) {
  unsafe UnsafeMutableRawPointer(target).storeBytes(of: value, as: SIMD8<Scalar>.self)
}
