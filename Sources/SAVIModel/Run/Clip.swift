package import CheckpointCore
import ReferenceLayers

/// What a model sees: clips of frames, and the boxes of the objects in them.
package struct Clip: Sendable {
  package let batch: Int
  package let frames: Int
  package let height: Int
  package let width: Int
  /// (batch, frames, height, width, 3)
  let video: [Float]
  /// (batch, frames, objects, 4), each (ymin, xmin, ymax, xmax) as fractions of the frame.
  let boxes: [Float]
  package let objects: Int

  /// Colours of a pixel.
  static let channels = 3
  /// Coordinates of a box.
  static let boxCoordinates = 4

  /// - Throws: `CheckpointError` where the extents do not belong together.
  package init(video: [Float], shape: Shape, boxes: [Float], boxesShape: Shape) throws {
    guard shape.rank == 5, shape.dimensions[4] == Self.channels else {
      throw CheckpointError(
        entry: "video",
        "(batch, frames, height, width, \(Self.channels)) expected, \(shape) found",
        advice: shape.rank == 4
          ? "add a batch axis: video[None]" : "put the colours last, one clip after another")
    }
    guard boxesShape.rank == 4, boxesShape.dimensions[3] == Self.boxCoordinates else {
      throw CheckpointError(
        entry: "boxes",
        "(batch, frames, objects, \(Self.boxCoordinates)) expected, \(boxesShape) found",
        advice: "each box is (ymin, xmin, ymax, xmax) as fractions of the frame")
    }
    guard boxesShape.dimensions[0] == shape.dimensions[0],
      boxesShape.dimensions[1] == shape.dimensions[1]
    else {
      throw CheckpointError(
        entry: "boxes",
        "\(shape.dimensions[0]) clips of \(shape.dimensions[1]) frames expected, as in video, "
          + "\(boxesShape.dimensions[0]) of \(boxesShape.dimensions[1]) found")
    }
    guard shape.count > 0 else {
      throw CheckpointError(entry: "video", "\(shape) holds no frame")
    }
    (batch, frames) = (shape.dimensions[0], shape.dimensions[1])
    (height, width) = (shape.dimensions[2], shape.dimensions[3])
    objects = boxesShape.dimensions[2]
    self.video = video
    self.boxes = boxes
  }

  private init(batch: Int, frames: Int, of other: Clip, video: [Float], boxes: [Float]) {
    self.batch = batch
    self.frames = frames
    (height, width, objects) = (other.height, other.width, other.objects)
    self.video = video
    self.boxes = boxes
  }

  /// Slots, the background among them.
  package var slots: Int { objects + 1 }

  /// The frames of one clip up to and including `frame`.
  func upTo(clip: Int, frame: Int) -> Clip {
    func part(_ values: [Float], _ perFrame: Int) -> [Float] {
      let start = clip * frames * perFrame
      return Array(values[start..<start + (frame + 1) * perFrame])
    }
    return Clip(
      batch: 1, frames: frame + 1, of: self,
      video: part(video, height * width * Self.channels),
      boxes: part(boxes, objects * Self.boxCoordinates))
  }

  /// (height, width, 3)
  func frame<Scalar: ModelScalar>(_ item: Int, _ time: Int) -> Tensor<Scalar> {
    Tensor([height, width, Self.channels], pixels(item, time).map { Scalar($0) })
  }

  /// The pixels of one frame: rows, columns, colours.
  package func pixels(_ item: Int, _ time: Int) -> ArraySlice<Float> {
    let count = height * width * Self.channels
    let start = (item * frames + time) * count
    return video[start..<start + count]
  }

  /// The boxes of the first frame, which alone the model sees: (objects, 4).
  func boxes<Scalar: ModelScalar>(_ item: Int) -> Tensor<Scalar> {
    let count = objects * Self.boxCoordinates
    let start = item * frames * count
    return Tensor(
      [objects, Self.boxCoordinates], boxes[start..<start + count].map { Scalar($0) })
  }
}
