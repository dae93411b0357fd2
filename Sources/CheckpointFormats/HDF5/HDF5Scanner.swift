import CHDF5
import CheckpointCore

/// Walks an HDF5 file with libhdf5 and describes it. Runs in the sandbox's process only, whose end
/// also closes every handle; reads no elements except those of compact datasets.
///
/// External links, external storage and virtual datasets, which point at other files, are never
/// followed. Source: the HDF5 reference manual, 1.10.
struct HDF5Scanner {
  /// A checkpoint has thousands of entries; a damaged one can have cycles without end.
  private static let maximumEntries = 1_000_000
  private static let maximumDepth = 100
  static let maximumChunks = 4_000_000

  private static var version: String {
    var (major, minor, release): (CUnsignedInt, CUnsignedInt, CUnsignedInt) = (0, 0, 0)
    unsafe H5get_libversion(&major, &minor, &release)
    return "\(major).\(minor).\(release)"
  }

  private let file: hid_t
  private let filePath: String
  /// Bytes before the HDF5 data, which its addresses may or may not count.
  private let userBlock: Int
  private let linkAccess: hid_t
  private var index = HDF5Index()
  private var visited: Set<UInt64> = []

  struct Failure: Error, CustomStringConvertible {
    let description: String
  }

  static func scan(_ path: String) throws -> HDF5Index {
    guard H5open() >= 0 else { throw Failure(description: "libhdf5 cannot start") }
    savi_silence_errors()
    let file = unsafe H5Fopen(path, savi_h5f_rdonly(), H5P_DEFAULT_ID)
    guard file >= 0 else {
      throw Failure(
        description: "libhdf5 cannot open this file: its superblock or root group is damaged")
    }
    var scanner = HDF5Scanner(file: file, path: path)
    try scanner.scanRootAttributes()
    try scanner.visit("/", "", depth: 0)
    return scanner.index
  }

  private init(file: hid_t, path: String) {
    self.file = file
    filePath = path
    let creation = H5Fget_create_plist(file)
    var size: hsize_t = 0
    userBlock = unsafe H5Pget_userblock(creation, &size) >= 0 ? Int(exactly: size) ?? 0 : 0
    H5Pclose(creation)
    linkAccess = H5Pcreate(savi_h5p_link_access())
    savi_refuse_external_links(linkAccess)
  }

  private mutating func add(_ path: String, _ item: HDF5Index.Item) throws {
    guard index.items.count < Self.maximumEntries else {
      throw Failure(description: "this file has more than \(Self.maximumEntries) entries")
    }
    index.items.append((path, item))
  }

  private struct Link {
    let name: String
    let type: H5L_type_t
  }

  /// The links of a group, by name.
  private func links(of group: hid_t) throws -> [Link] {
    final class Collector { var links: [Link] = [] }
    let collector = Collector()
    let context = unsafe Unmanaged.passUnretained(collector).toOpaque()
    let status = unsafe savi_iterate(
      group,
      { _, name, info, context in
        guard let name = unsafe name, let info = unsafe info, let context = unsafe context else {
          return -1
        }
        let collector = unsafe Unmanaged<Collector>.fromOpaque(context).takeUnretainedValue()
        collector.links.append(
          Link(name: unsafe String(cString: name), type: unsafe info.pointee.type))
        return collector.links.count <= 1_000_000 ? 0 : -1
      }, context)
    guard status >= 0 else {
      throw Failure(description: "a group's list of links is damaged")
    }
    return collector.links
  }

  /// - Parameters:
  ///   - path: where the object is in the file.
  ///   - name: the name its entries begin with.
  private mutating func visit(_ path: String, _ name: String, depth: Int) throws {
    guard depth <= Self.maximumDepth else {
      throw Failure(description: "its groups nest more than \(Self.maximumDepth) levels")
    }
    let object = unsafe savi_object_open(file, path, linkAccess)
    guard object >= 0 else {
      // A soft link's target may not exist; an object that is there may be beyond this library.
      let exists = unsafe path == "/" || H5Oexists_by_name(file, path, linkAccess) > 0
      return try add(
        name,
        .placeholder(
          .data,
          reason: exists
            ? "an object that libhdf5 \(Self.version) cannot open: damaged, or of a newer version "
              + "of the format"
            : "a link that leads nowhere"))
    }
    defer { H5Oclose(object) }
    var info = H5O_info_t()
    guard unsafe savi_object_info(object, &info) >= 0 else {
      throw Failure(description: "\(name): its object header is damaged")
    }
    switch info.type {
    case H5O_TYPE_DATASET:
      let item = try HDF5DatasetScanner(
        dataset: object, address: UInt64(info.addr), path: filePath, userBlock: userBlock
      ).describe()
      try add(name, item)
    case H5O_TYPE_GROUP:
      guard visited.insert(UInt64(info.addr)).inserted else {
        return try add(name, .placeholder(.value, reason: "a second link to a group listed above"))
      }
      try visitGroup(object, path, name, depth)
    default: try add(name, .placeholder(.value, reason: "a named datatype"))
    }
  }

  private mutating func visitGroup(
    _ group: hid_t, _ path: String, _ name: String, _ depth: Int
  ) throws {
    let start = index.items.count
    // Keras lists its layers and each layer's weights in attributes, in the model's order.
    let layers = HDF5Attributes.keras("layer_names", of: group)
    var links = try links(of: group)
    if !layers.isEmpty {
      let rank = Dictionary(zip(layers, 0...), uniquingKeysWith: { first, _ in first })
      links = links.enumerated().sorted {
        (rank[$0.element.name] ?? .max, $0.offset) < (rank[$1.element.name] ?? .max, $1.offset)
      }.map(\.element)
    }
    for link in links {
      let childName = name.isEmpty ? link.name : "\(name)/\(link.name)"
      let childPath = path == "/" ? "/\(link.name)" : "\(path)/\(link.name)"
      switch link.type {
      case H5L_TYPE_HARD, H5L_TYPE_SOFT: try visit(childPath, childName, depth: depth + 1)
      case H5L_TYPE_EXTERNAL:
        try add(
          childName,
          .placeholder(.data, reason: "a link into another file, which is never followed"))
      default:
        try add(childName, .placeholder(.data, reason: "a link of an unknown kind"))
      }
    }
    try orderWeights(HDF5Attributes.keras("weight_names", of: group), name, from: start)
  }

  /// Puts the entries of a Keras layer into the order of its weights, and names those missing.
  private mutating func orderWeights(_ weights: [String], _ name: String, from start: Int) throws {
    guard !weights.isEmpty else { return }
    let full = weights.map { name.isEmpty ? $0 : "\(name)/\($0)" }
    let rank = Dictionary(zip(full, 0...), uniquingKeysWith: { first, _ in first })
    let items = index.items[start...].enumerated().sorted {
      (rank[$0.element.path] ?? .max, $0.offset) < (rank[$1.element.path] ?? .max, $1.offset)
    }.map(\.element)
    index.items.replaceSubrange(start..., with: items)
    let present = Set(items.map(\.path))
    for missing in full where !present.contains(missing) {
      try add(missing, .placeholder(.data, reason: "named in weight_names, but not in the file"))
    }
  }

  /// The text attributes of the file itself: a Keras model's configuration and versions.
  private mutating func scanRootAttributes() throws {
    for name in ["keras_version", "backend", "model_config", "training_config"] {
      let values = HDF5Attributes.strings(name, of: file)
      guard let value = values.first else { continue }
      let text = value.count > 200 ? value.prefix(200) + "…" : value[...]
      try add("@\(name)", .placeholder(.value, reason: "attribute: \(text)"))
    }
  }
}

/// `H5P_DEFAULT`, a cast that Swift does not import.
let H5P_DEFAULT_ID: hid_t = 0
