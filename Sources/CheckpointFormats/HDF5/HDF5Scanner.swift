#if HDF5
  import Bytes
  import CHDF5
  import CheckpointCore

  /// Walks an HDF5 file with libhdf5 and describes it. Runs in the helper process only, whose end also
  /// closes every handle; reads no elements except those of compact datasets.
  ///
  /// External links, external storage and virtual datasets, which point at other files, are never
  /// followed. Source: the HDF5 reference manual, 1.10.
  @safe struct HDF5Scanner {
    private static var version: String {
      var (major, minor, release): (CUnsignedInt, CUnsignedInt, CUnsignedInt) = (0, 0, 0)
      unsafe H5get_libversion(&major, &minor, &release)
      return "\(major).\(minor).\(release)"
    }

    private let file: hid_t
    /// The driver's own file, which tells where chunks lie.
    private let reader: UnsafeMutableRawPointer?
    private let linkAccess: hid_t
    private var index = HDF5Index()
    /// The groups on the way from the root to here.
    private var active: Set<UInt64> = []
    /// A group with two links is walked twice; groups of such groups could go on for ever.
    private var groupVisits = 0

    struct Failure: Error {
      let description: String
      var advice: String?
    }

    static func scan(_ path: String) throws -> HDF5Index {
      guard H5open() >= 0 else { throw Failure(description: "libhdf5 cannot start") }
      savi_silence_errors()
      try refuseUnclosed(path)
      let file = unsafe H5Fopen(path, savi_h5f_rdonly(), savi_reader_access())
      guard file >= 0 else {
        throw Failure(
          description: "libhdf5 cannot open this file: its superblock or root group is damaged")
      }
      var scanner = HDF5Scanner(file: file)
      try scanner.visit("/", "", depth: 0)
      return scanner.index
    }

    private init(file: hid_t) {
      self.file = file
      var handle: UnsafeMutableRawPointer?
      unsafe H5Fget_vfd_handle(file, H5P_DEFAULT_ID, &handle)
      unsafe reader = unsafe handle
      linkAccess = H5Pcreate(savi_h5p_link_access())
      savi_refuse_external_links(linkAccess)
    }

    /// A superblock of version 3 is marked while a program writes the file. (libhdf5 minds the mark
    /// only with its own drivers.)
    private static func refuseUnclosed(_ path: String) throws {
      let start = try RandomAccessFile(path: path).readPrefix(12)
      guard start.count == 12, start[8] == 3, start[11] != 0 else { return }
      throw Failure(
        description: "this HDF5 file is marked as open for writing: its writer has not closed it",
        advice: "close it in the program that writes it, or clear the mark with 'h5clear -s'")
    }

    private mutating func add(_ path: String, _ item: HDF5Index.Item) throws {
      guard index.items.count < StructureLimits.entries else { throw Self.beyondLimit("entries") }
      index.items.append((path, item))
    }

    private static func beyondLimit(_ what: String) -> Failure {
      let error = CheckpointError.beyondLimit(what, limit: StructureLimits.entries)
      return Failure(description: error.message, advice: error.advice)
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
          return collector.links.count <= StructureLimits.entries ? 0 : -1
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
      guard depth <= StructureLimits.depth else {
        throw Failure(description: "its groups nest more than \(StructureLimits.depth) levels")
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
        try add(name, describe(object, address: Int(truncatingIfNeeded: info.addr)))
        try scanAttributes(of: object, name)
      case H5O_TYPE_GROUP:
        guard active.insert(UInt64(info.addr)).inserted else {
          return try add(
            name, .placeholder(.value, reason: "a link back to a group that contains it"))
        }
        defer { active.remove(UInt64(info.addr)) }
        groupVisits += 1
        guard groupVisits <= StructureLimits.entries else { throw Self.beyondLimit("groups") }
        try visitGroup(object, path, name, depth)
      default: try add(name, .placeholder(.value, reason: "a named datatype"))
      }
    }

    /// A dataset that several links lead to is described once.
    private mutating func describe(_ dataset: hid_t, address: Int) -> HDF5Index.Item {
      guard index.datasets[address] == nil else { return .dataset(address) }
      do {
        index.datasets[address] =
          try unsafe HDF5DatasetScanner(dataset: dataset, reader: reader).describe()
        return .dataset(address)
      } catch {
        return .placeholder(error.kind, reason: error.reason)
      }
    }

    private mutating func visitGroup(
      _ group: hid_t, _ path: String, _ name: String, _ depth: Int
    ) throws {
      try scanAttributes(of: group, name)
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
    private mutating func orderWeights(_ weights: [String], _ name: String, from start: Int) throws
    {
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

    /// The attributes of a group or a dataset, but for those that order a Keras model and name a dtype.
    private mutating func scanAttributes(of object: hid_t, _ name: String) throws {
      for number in 0..<Self.maximumAttributes {
        let attribute = unsafe H5Aopen_by_idx(
          object, ".", H5_INDEX_NAME, H5_ITER_INC, hsize_t(number), H5P_DEFAULT_ID, H5P_DEFAULT_ID)
        guard attribute >= 0 else { return }
        defer { H5Aclose(attribute) }
        var bytes = [CChar](repeating: 0, count: Self.maximumAttributeName)
        guard unsafe H5Aget_name(attribute, bytes.count, &bytes) >= 0 else { return }
        let text = String(
          decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        guard text.wholeMatch(of: /(layer_names|weight_names)[0-9]*|dtype/) == nil else { continue }
        try add(
          name.isEmpty ? "@\(text)" : "\(name)/@\(text)",
          .attribute(HDF5Attributes.value(attribute)))
      }
    }

    /// No object has as many.
    private static let maximumAttributes = 10_000
    private static let maximumAttributeName = 4096
  }

  /// `H5P_DEFAULT`, a cast that Swift does not import.
  let H5P_DEFAULT_ID: hid_t = 0
#endif
