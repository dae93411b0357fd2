public import CheckpointCore

/// What a file cannot say of itself.
public struct ReadOptions: Sendable {
  /// The format to read as; `nil` to recognise it by the file's content.
  public var format: FormatName?
  /// The element types that raw bytes of a width in an npy file are read as.
  public var rawTypes: [Int: DType]
  /// Which step of a folder of steps to read; `nil` for the newest.
  public var step: Int?

  public init(format: FormatName? = nil, rawTypes: [Int: DType] = [:], step: Int? = nil) {
    self.format = format
    self.rawTypes = rawTypes
    self.step = step
  }
}

extension ReadOptions {
  /// How tensors of these dtypes are read back from a file that does not name all of them. Where two
  /// are the same raw bytes, nothing can tell them apart, and such tensors stay unread.
  package init(readingBack dtypes: some Sequence<DType>) {
    let raw = Set(dtypes).filter(NpyDescriptor.isRaw)
    self.init(
      rawTypes: Dictionary(grouping: raw, by: \.itemSize).compactMapValues {
        $0.count == 1 ? $0[0] : nil
      })
  }
}
