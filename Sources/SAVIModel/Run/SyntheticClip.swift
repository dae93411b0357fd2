import CheckpointCore

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Clip {
  /// Objects of the synthetic clip, as many as SAVi was trained with.
  static let syntheticObjects = 10

  /// Moving boxes, the same for everyone, for runs with nothing at hand.
  ///
  /// Frame t shows a gradient (red grows along the rows, green along the columns, blue is 0.25)
  /// and on it ten boxes, box n over box n - 1. Box n has the colour whose red, green and blue are
  /// (n·0.37, n·0.61, n·0.83) modulo 1, sides of 0.15 + 0.01·n of the frame, and a centre that
  /// moves at constant speed and wraps around: at (0.5 + 0.31·n + 0.04·t·cos n,
  /// 0.5 + 0.47·n + 0.04·t·sin n) modulo 1, rows first. What lies beyond the frame is cut off, in
  /// the picture and in the box's coordinates.
  package static func synthetic(frames: Int, height: Int, width: Int) throws -> Clip {
    var video: [Float] = []
    var boxes: [Float] = []
    video.reserveCapacity(frames * height * width * channels)
    for time in 0..<frames {
      let placed = (0..<syntheticObjects).map { syntheticBox($0, time) }
      boxes += placed.flatMap { $0.map(Float.init) }
      for row in 0..<height {
        for column in 0..<width {
          let (y, x) = (
            (Double(row) + 0.5) / Double(height), (Double(column) + 0.5) / Double(width)
          )
          let top = placed.lastIndex { $0[0] <= y && y < $0[2] && $0[1] <= x && x < $0[3] }
          let colour = top.map(syntheticColour) ?? [y, x, 0.25]
          video += colour.map(Float.init)
        }
      }
    }
    guard let shape = Shape([1, frames, height, width, channels]),
      let boxesShape = Shape([1, frames, syntheticObjects, boxCoordinates])
    else { throw CheckpointError("\(frames) frames are too many") }
    return try Clip(video: video, shape: shape, boxes: boxes, boxesShape: boxesShape)
  }

  private static func syntheticColour(_ box: Int) -> [Double] {
    [0.37, 0.61, 0.83].map { fraction(Double(box) * $0) }
  }

  /// (ymin, xmin, ymax, xmax) within the frame.
  private static func syntheticBox(_ box: Int, _ time: Int) -> [Double] {
    let (n, half, reach) = (Double(box), (0.15 + 0.01 * Double(box)) / 2, 0.04 * Double(time))
    let y = fraction(0.5 + 0.31 * n + reach * cos(n))
    let x = fraction(0.5 + 0.47 * n + reach * sin(n))
    return [y - half, x - half, y + half, x + half].map { min(max($0, 0), 1) }
  }

  private static func fraction(_ value: Double) -> Double { value - value.rounded(.down) }
}
