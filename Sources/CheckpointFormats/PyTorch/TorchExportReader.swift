import Bytes
import CheckpointCore

/// A `torch.export` archive (`.pt2`):
///
///     NAME/archive_format                            "pt2"
///     NAME/byteorder                                 "little" or "big"
///     NAME/data/weights/MODEL_weights_config.json    {"config": {FQN: {"path_name", "use_pickle",
///                                                     "tensor_meta": {"dtype", "sizes", "strides",
///                                                     "storage_offset", …}}}}
///     NAME/data/weights/weight_0, …                  the raw bytes of each storage
///     NAME/data/constants/…                          constants, in the same form
///     NAME/models/MODEL.json                         the program
///
/// Parameters and buffers are listed under their names, those that share a weight as views of it;
/// constants as `constants.NAME`. Before PyTorch 2.8 the archive held `serialized_state_dict.pt`, what
/// `torch.save` writes, and `serialized_constants.pt`.
///
/// Sources: torch/export/pt2_archive and torch/_export/serde/schema.py.
struct TorchExportReader: StoredCheckpointReader {
  let format = FormatName.torch
  let formatDescription = "PyTorch export"
  let contents: StoredTensors

  private static let maximumConfiguration = 256 << 20
  /// The numbers of `torch._export.serde.schema.ScalarType`.
  private static let dtypes: [Int: DType] = [
    1: .uint8, 2: .int8, 3: .int16, 4: .int32, 5: .int64, 6: .float16, 7: .float32, 8: .float64,
    9: .complex32, 10: .complex64, 11: .complex128, 12: .bool, 13: .bfloat16, 28: .uint16,
    29: .float8_e4m3fn, 30: .float8_e5m2, 31: .float8_e4m3fnuz, 32: .float8_e5m2fnuz,
    33: .float8_e8m0fnu, 34: .uint32, 35: .uint64,
  ]
  private static let weightsSuffix = "_weights_config.json"
  private static let constantsSuffix = "_constants_config.json"
  private static let olderState = "serialized_state_dict.pt"
  private static let olderConstants = "serialized_constants.pt"

  /// `nil` where the archive holds something else.
  static func open(_ archive: ZipArchive) throws -> TorchExportReader? {
    let names = archive.entries.map(\.name)
    guard
      names.contains(where: { $0.hasSuffix(weightsSuffix) || isNamed($0, olderState) })
    else { return nil }
    return try TorchExportReader(archive)
  }

  private static func isNamed(_ path: String, _ name: String) -> Bool {
    path == name || path.hasSuffix("/" + name)
  }

  private init(_ archive: ZipArchive) throws {
    var contents = StoredTensors()
    let entries = Dictionary(
      archive.entries.map { (TensorName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    for entry in archive.entries {
      do {
        let name = entry.name
        if name.hasSuffix(Self.weightsSuffix) {
          try Self.add(entry, "", archive, entries, &contents)
        } else if name.hasSuffix(Self.constantsSuffix) {
          try Self.add(entry, "constants.", archive, entries, &contents)
        } else if Self.isNamed(name, Self.olderState) {
          try Self.addSaved(entry, "", archive, &contents)
        } else if Self.isNamed(name, Self.olderConstants) {
          try Self.addSaved(entry, "constants.", archive, &contents)
        }
      } catch let error as CheckpointError {
        throw error.inEntry(entry.name)
      }
    }
    self.contents = contents
  }

  private static func damaged(_ what: String) -> CheckpointError {
    CheckpointError(what, advice: "the file is damaged; fetch or save it again")
  }

  /// Adds the tensors that a configuration describes, whose data is beside it.
  private static func add(
    _ configuration: ZipArchive.Entry, _ prefix: String, _ archive: ZipArchive,
    _ entries: [TensorName: ZipArchive.Entry], _ contents: inout StoredTensors
  ) throws {
    guard configuration.size <= maximumConfiguration else {
      throw damaged("\(configuration.size) bytes are too many for a list of weights")
    }
    let bytes = try ZipEntrySource(archive, configuration, .required).read(0..<configuration.size)
    guard case .object(let members)? = try? JSONParser.parse(bytes)["config"] else {
      throw damaged("it is no JSON document with a 'config'")
    }
    let folder = configuration.name.lastIndex(of: "/").map { configuration.name[...$0] } ?? ""
    let root = folder.components(before: "data/")
    let isBigEndian =
      try entries[TensorName(root + "byteorder")].map {
        try ZipEntrySource(archive, $0, .required).read(0..<min(16, $0.size))
      } == Array("big".utf8)
    for member in members {
      let name = TensorName(prefix + member.key)
      guard case .string(let path)? = member.value["path_name"] else {
        throw damaged("it does not say where the data is").inEntry(name.text)
      }
      guard member.value["use_pickle"] != .bool(true) else {
        try contents.addPlaceholder(name, .data, "a tensor of a class of its own, pickled")
        continue
      }
      guard let entry = entries[TensorName(folder + path)] else {
        throw damaged("its data \(folder)\(path) is not in the archive").inEntry(name.text)
      }
      do {
        let layout = try layout(member.value["tensor_meta"], isBigEndian: isBigEndian)
        try contents.add(
          name, layout, in: ZipEntrySource(archive, entry, .required), key: folder + path)
      } catch let error as CheckpointError {
        throw error.inEntry(name.text)
      }
    }
  }

  private static func layout(_ meta: JSONValue?, isBigEndian: Bool) throws -> ElementLayout {
    func ints(_ key: String) -> [Int]? {
      guard case .array(let items)? = meta?[key] else { return nil }
      let values = items.compactMap { item -> Int? in
        if case .int(let value)? = item["as_int"] { value } else { nil }
      }
      return values.count == items.count ? values : nil
    }
    guard case .int(let type)? = meta?["dtype"], let sizes = ints("sizes"),
      let shape = Shape(sizes), let strides = ints("strides"), strides.count == sizes.count,
      strides.allSatisfy({ $0 >= 0 }), case .int(let offset)? = meta?["storage_offset"]?["as_int"],
      offset >= 0
    else { throw damaged("its tensor_meta has no dtype, sizes, strides and storage_offset") }
    guard let dtype = dtypes[type] else {
      throw damaged("dtype \(type) is not known")
    }
    guard let start = offset.multipliedChecked(by: dtype.itemSize) else {
      throw damaged("its offset \(offset) does not fit 64 bits")
    }
    return ElementLayout(
      dtype: dtype, shape: shape, byteOffset: start, strides: strides, isBigEndian: isBigEndian)
  }

  /// Adds what `torch.save` wrote into an entry.
  private static func addSaved(
    _ entry: ZipArchive.Entry, _ prefix: String, _ archive: ZipArchive,
    _ contents: inout StoredTensors
  ) throws {
    // PyTorch stores its entries, so that the archive within can be read where it lies.
    guard let start = entry.dataOffset, entry.size > 0 else { return }
    let saved = archive.file.part(start..<start + entry.size)
    guard let reader = try TorchZipReader.open(try ZipArchive(saved)) else {
      throw damaged("it is no PyTorch file")
    }
    try contents.addEntries(of: reader.contents, in: entry.name) { "\(prefix)\($0)" }
  }
}

extension StringProtocol {
  /// What comes before the last `part`.
  fileprivate func components(before part: String) -> String {
    guard hasSuffix("/"), let range = String(self).ranges(of: part).last else { return "" }
    return String(String(self)[..<range.lowerBound])
  }
}
