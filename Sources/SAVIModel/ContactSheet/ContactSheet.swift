import Bytes
import CheckpointCore

/// What a person would rather look at: a column per frame, and under each other the input, the
/// decoded flow and depth, the slot masks in colours, and the attention of every slot.
package struct ContactSheet {
  /// What it is drawn from, of those that the model has.
  package static func stages(of architecture: SAViArchitecture) -> Set<StageName> {
    Set(architecture.stages).intersection([.attn, .flow, .depth, .segmentations])
  }

  private let clip: Clip
  private let attention: Picture
  private let flow: Picture
  /// Where the model reads it out.
  private let depth: Picture?
  private let masks: Picture

  /// A stage's elements with the extent of its last axis.
  private struct Picture {
    let width: Int
    let values: [Double]
  }

  /// Frames are enlarged by whole factors until they are at least this wide.
  private static let minimumCell = 96
  private static let gap = 4
  private static let labelWidth = 58
  /// Columns of one sheet; a longer clip has several sheets.
  private static let framesPerSheet = 12
  private static let background = Colour(24, 24, 27)
  private static let ink = Colour(228, 228, 231)

  /// - Throws: `CheckpointError` where `results` lacks attention, flow or segmentations.
  package init(_ clip: Clip, _ results: [Stage]) throws {
    func found(_ name: StageName) -> Picture? {
      results.first { $0.name == name }.map {
        Picture(width: $0.shape.last ?? 1, values: $0.doubles)
      }
    }
    func stage(_ name: StageName) throws -> Picture {
      guard let picture = found(name) else {
        throw CheckpointError(entry: name.rawValue, "the contact sheet needs this stage")
      }
      return picture
    }
    self.clip = clip
    attention = try stage(.attn)
    flow = try stage(.flow)
    depth = found(.depth)
    masks = try stage(.segmentations)
  }

  /// Makes the folder, and refuses before any work is done where a sheet could not be written.
  package static func prepare(_ folder: String, _ clip: Clip, overwrite: Bool) throws {
    do {
      try Folder.create(folder)
      for (path, _, _) in sheets(clip, in: folder) {
        _ = try AtomicFile(path: path, overwrite: overwrite)
      }
    } catch {
      throw CheckpointError(error)
    }
  }

  /// The files of the sheets, each with its clip and its frames.
  private static func sheets(
    _ clip: Clip, in folder: String
  ) -> [(path: String, item: Int, frames: Range<Int>)] {
    (0..<clip.batch).flatMap { item in
      stride(from: 0, to: clip.frames, by: framesPerSheet).map { start in
        let suffix = start == 0 ? "" : "-\(start / framesPerSheet + 1)"
        return (
          "\(folder)/clip-\(item)\(suffix).png", item,
          start..<min(start + framesPerSheet, clip.frames)
        )
      }
    }
  }

  /// Writes `clip-0.png`, `clip-1.png`, … into `folder`, one per clip of the batch; a long clip is
  /// continued in `clip-0-2.png`, ….
  package func write(into folder: String, overwrite: Bool) throws {
    do {
      try Folder.create(folder)
      for (path, item, frames) in Self.sheets(clip, in: folder) {
        let file = try AtomicFile(path: path, overwrite: overwrite)
        try file.write(draw(item, frames).png().span, at: 0)
        try file.commit()
      }
    } catch {
      throw CheckpointError(error)
    }
  }

  private func draw(_ item: Int, _ frames: Range<Int>) -> Bitmap {
    let scale = max(1, (Self.minimumCell + clip.width - 1) / clip.width)
    let (cellWidth, cellHeight) = (clip.width * scale, clip.height * scale)
    let rows = rows
    var sheet = Bitmap(
      width: Self.labelWidth + frames.count * (cellWidth + Self.gap),
      height: Self.gap + rows.count * (cellHeight + Self.gap), background: Self.background)
    for (index, row) in rows.enumerated() {
      let y = Self.gap + index * (cellHeight + Self.gap)
      Lettering.draw(
        row.label, at: Self.gap + 6, y + (cellHeight - Lettering.height) / 2,
        in: ink(of: row), on: &sheet)
      for (column, time) in frames.enumerated() {
        let pixels = picture(row, item, time)
        let x = Self.labelWidth + column * (cellWidth + Self.gap)
        for line in 0..<cellHeight {
          for dot in 0..<cellWidth {
            sheet[x + dot, y + line] = pixels[line / scale * clip.width + dot / scale]
          }
        }
      }
    }
    return sheet
  }

  private enum Row {
    case input, flow, depth, masks
    case slot(Int)

    var label: String {
      switch self {
      case .input: "input"
      case .flow: "flow"
      case .depth: "depth"
      case .masks: "masks"
      case .slot(let slot): "slot \(slot)"
      }
    }
  }

  private var rows: [Row] {
    [.input, .flow] + (depth == nil ? [] : [.depth]) + [.masks] + (0..<clip.slots).map(Row.slot)
  }

  private func ink(of row: Row) -> Colour {
    if case .slot(let slot) = row { Self.palette(slot, of: clip.slots) } else { Self.ink }
  }

  /// (height · width) colours of one cell.
  private func picture(_ row: Row, _ item: Int, _ time: Int) -> [Colour] {
    let (pixels, frame) = (clip.height * clip.width, item * clip.frames + time)
    switch row {
    case .input:
      let values = Array(clip.pixels(item, time)).map(Double.init)
      return colours(values, channels: 3, low: 0, high: 1)
    case .flow: return colours(of: flow, frame, pixels)
    case .depth: return depth.map { colours(of: $0, frame, pixels) } ?? []
    case .masks:
      return masks.values[frame * pixels..<(frame + 1) * pixels].map {
        Self.palette(Int($0), of: clip.slots)
      }
    case .slot(let slot): return attention(of: slot, frame)
    }
  }

  /// Colours that are the same for the whole clip, so that frames can be compared.
  private func colours(of picture: Picture, _ frame: Int, _ pixels: Int) -> [Colour] {
    let (channels, values) = (picture.width, picture.values)
    return colours(
      Array(values[frame * pixels * channels..<(frame + 1) * pixels * channels]),
      channels: channels, low: values.min() ?? 0, high: values.max() ?? 1)
  }

  private func colours(
    _ values: [Double], channels: Int, low: Double, high: Double
  ) -> [Colour] {
    let range = max(high - low, .leastNormalMagnitude)
    return stride(from: 0, to: values.count, by: channels).map { start in
      // One channel is grey, two leave blue empty.
      func channel(_ index: Int) -> Double {
        let source = channels == 1 ? 0 : index
        return source < channels ? (values[start + source] - low) / range : 0
      }
      return Colour(red: channel(0), green: channel(1), blue: channel(2))
    }
  }

  /// What one slot attends to, from black to the slot's colour to white, between the weakest and
  /// the strongest pixel of the slot in this frame.
  private func attention(of slot: Int, _ frame: Int) -> [Colour] {
    let features = attention.width
    let start = (frame * clip.slots + slot) * features
    let values = Array(attention.values[start..<start + features])
    let weakest = values.min() ?? 0
    let range = max((values.max() ?? 1) - weakest, .leastNormalMagnitude)
    // The grid of features is the frame's, or a whole fraction of it.
    let factor = max(
      1, Int((Double(clip.height * clip.width) / Double(features)).squareRoot().rounded()))
    let (columns, colour) = (clip.width / factor, Self.palette(slot, of: clip.slots))
    return (0..<clip.height * clip.width).map { pixel in
      let (row, column) = pixel.quotientAndRemainder(dividingBy: clip.width)
      let index = min(row / factor * columns + column / factor, features - 1)
      let strength = (values[index] - weakest) / range
      func blend(_ component: UInt8) -> Double {
        let own = Double(component) / 255
        return strength < 0.5 ? 2 * strength * own : own + (2 * strength - 1) * (1 - own)
      }
      return Colour(
        red: blend(colour.red), green: blend(colour.green), blue: blend(colour.blue))
    }
  }

  /// A slot's colour: the background dark grey, the others spread over the hues.
  private static func palette(_ slot: Int, of slots: Int) -> Colour {
    guard slot > 0 else { return Colour(82, 82, 91) }
    let hue = 6 * Double(slot - 1) / Double(max(slots - 1, 1))
    func component(_ shift: Double) -> Double {
      let k = (shift + hue).truncatingRemainder(dividingBy: 6)
      return 0.95 - 0.7 * max(0, min(k, 4 - k, 1))
    }
    return Colour(red: component(5), green: component(3), blue: component(1))
  }
}
