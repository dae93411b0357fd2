import Bytes
import CheckpointCore
import CheckpointFormats
import TestSupport
import Testing

/// Pickles, wrapped as the data.pkl of a PyTorch archive and read as a checkpoint.
@Suite("Pickles")
struct PickleTests {
  private func entries(_ pickle: [UInt8]) throws -> [CheckpointEntry] {
    let folder = try TemporaryFolder()
    let path = try folder.write("x.pt", storedZip([("archive/data.pkl", pickle)]))
    return try Checkpoint(path: path).entries
  }

  private func reasons(_ pickle: [UInt8]) throws -> [String] {
    try entries(pickle).map { entry in
      guard case .placeholder(let item) = entry else { return "tensor" }
      return "\(item.name)=\(item.reason)"
    }
  }

  @Test("protocol 0, as Python 2 wrote it: text, longs, booleans, escapes")
  func protocolZero() throws {
    let pickle = """
      (dp0
      S'a\\x41\\n'
      p1
      L12345678901234567890L
      sS'b'
      I01
      sVc\\u00e9
      F-2.5
      sS'd'
      (lp2
      I1
      aI2
      asS'e'
      (I1
      tsS'f'
      g2
      sS"g"
      Ns.
      """
    #expect(
      try reasons(Array(pickle.utf8)) == [
        "aA\n=int beyond 64 bits", "b=bool True", "cé=float -2.5", "d=list of 2", "e=tuple of 1",
        "f=list of 2", "g=None",
      ])
  }

  @Test("every binary scalar and container of protocols 1 to 5")
  func binary() throws {
    var pickle: [UInt8] = [0x80, 5, 0x95, 0, 0, 0, 0, 0, 0, 0, 0]
    pickle += [0x7D, 0x94, 0x28]  // EMPTY_DICT MEMOIZE MARK
    func key(_ name: String) { pickle += [0x8C, UInt8(name.utf8.count)] + name.utf8 }
    key("k"); pickle += [0x4B, 200]  // BININT1
    key("m"); pickle += [0x4D, 0, 1]  // BININT2
    key("j"); pickle += [0x4A, 0xFF, 0xFF, 0xFF, 0xFF]  // BININT
    key("long1"); pickle += [0x8A, 2, 0x00, 0xFF]  // LONG1
    key("long4"); pickle += [0x8B, 9, 0, 0, 0] + [UInt8](repeating: 1, count: 9)  // LONG4
    key("float"); pickle += [0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0]  // BINFLOAT
    key("bytes"); pickle += [0x43, 2, 0, 1]  // SHORT_BINBYTES
    key("bytes8"); pickle += [0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 9]  // BINBYTES8
    key("array"); pickle += [0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9]  // BYTEARRAY8
    key("unicode8"); pickle += [0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61]  // BINUNICODE8
    key("str"); pickle += [0x55, 1, 0x61]  // SHORT_BINSTRING
    key("set"); pickle += [0x8F, 0x28, 0x4B, 1, 0x90]  // EMPTY_SET MARK BININT1 ADDITEMS
    key("frozen"); pickle += [0x28, 0x4B, 1, 0x91]  // FROZENSET
    key("t1"); pickle += [0x88, 0x85]  // NEWTRUE TUPLE1
    key("t2"); pickle += [0x88, 0x89, 0x86]
    key("t3"); pickle += [0x88, 0x89, 0x4E, 0x87]
    key("dup"); pickle += [0x88, 0x32, 0x86]  // NEWTRUE DUP TUPLE2
    key("pop"); pickle += [0x88, 0x89, 0x30]  // NEWTRUE NEWFALSE POP
    key("popmark"); pickle += [0x88, 0x28, 0x89, 0x31]  // NEWTRUE MARK NEWFALSE POP_MARK
    key("global"); pickle += [0x8C, 2] + "os".utf8 + [0x8C, 6] + "system".utf8 + [0x93]
    key("ext"); pickle += [0x82, 7]
    key("buffer"); pickle += [0x97, 0x98]
    key("call"); pickle += Array("cos\nsystem\n".utf8) + [0x8C, 2] + "ls".utf8 + [0x85, 0x52]
    key("new"); pickle += Array("ca\nB\n".utf8) + [0x29, 0x81]
    key("newex"); pickle += Array("ca\nB\n".utf8) + [0x29, 0x7D, 0x92]
    key("inst"); pickle += [0x28] + "ia\nB\n".utf8
    key("obj"); pickle += [0x28] + "ca\nB\n".utf8 + [0x6F]
    pickle += [0x75, 0x2E]
    #expect(
      try reasons(pickle) == [
        "k=int 200", "m=int 256", "j=int -1", "long1=int -256", "long4=int beyond 64 bits",
        "float=float 1.5", "bytes=2 bytes", "bytes8=1 bytes", "array=1 bytes",
        "unicode8=str 'a'", "str=str 'a'", "set=set of 1", "frozen=set of 1", "t1=tuple of 1",
        "t2=tuple of 2", "t3=tuple of 3", "dup=tuple of 2", "pop=bool True",
        "popmark=bool True", "global=os.system", "ext=extension 7", "buffer=out-of-band buffer",
        "call=object of os.system", "new=object of a.B", "newex=object of a.B",
        "inst=object of a.B", "obj=object of a.B",
      ])
  }

  @Test(
    "damaged pickles are errors",
    arguments: [
      [0x2E], [0x80, 6, 0x4E, 0x2E], [0xFF], [0x28, 0x2E], [0x74, 0x2E], [0x68, 0, 0x2E],
      [0x8B, 0xFF, 0xFF, 0xFF, 0xFF, 0x2E], [0x8E] + [UInt8](repeating: 0xFF, count: 8),
      [0x58, 0xFF, 0xFF, 0xFF, 0x7F], [0x4E, 0x61], [0x4E, 0x4E, 0x61, 0x2E], [],
      [0x7D, 0x4E, 0x28, 0x4E, 0x75, 0x2E], [0x46, 0x78, 0x0A], [0x30], [0x93], [0x28, 0x6F],
    ] as [[UInt8]])
  func damaged(_ pickle: [UInt8]) {
    #expect(throws: CheckpointError.self) { try entries(pickle) }
  }

  @Test("deep nesting and self-reference end")
  func nesting() throws {
    let deep =
      [UInt8](repeating: 0x5D, count: 300_000)  // EMPTY_LIST
      + [UInt8](repeating: 0x61, count: 299_999) + [0x2E]  // APPEND
    #expect(try reasons(deep) == ["0=list of 1"])
    // A list that contains itself: ] q0 h0 a .
    #expect(try reasons([0x5D, 0x71, 0, 0x68, 0, 0x61, 0x2E]) == ["0=list of 1"])
  }

  @Test("a tensor that is reached by astronomically many paths is refused")
  func billionPaths() throws {
    // A storage, then 64 lists, each holding the one before it twice.
    var pickle = [0x28, 0x8C, 7] + "storage".utf8 + [0x74, 0x51, 0x71, 0]
    for level in 0..<64 {
      pickle += [0x5D, 0x28, 0x68, UInt8(level), 0x68, UInt8(level), 0x65, 0x71, UInt8(level + 1)]
    }
    #expect {
      try entries(pickle + [0x2E])
    } throws: {
      "\($0)".contains("are listed again and again")
    }
  }

  @Test(
    "tensors that reach beyond their storage are refused",
    arguments: [
      (offset: 0, size: [7], stride: [1]), (offset: 5, size: [2], stride: [1]),
      (offset: 0, size: [2], stride: [6]), (offset: -1, size: [1], stride: [1]),
      (offset: 0, size: [2], stride: [-1]), (offset: 0, size: [2, 2], stride: [1]),
      (offset: .max, size: [1], stride: [1]), (offset: 0, size: [.max], stride: [0]),
      (offset: 0, size: [2], stride: [.max]),
    ] as [(offset: Int, size: [Int], stride: [Int])])
  func outOfBounds(_ view: (offset: Int, size: [Int], stride: [Int])) throws {
    let folder = try TemporaryFolder()
    let pickle = tensorPickle(offset: view.offset, size: view.size, stride: view.stride, count: 6)
    let archive = storedZip([("a/data.pkl", pickle), ("a/data/0", rampBytes(.float32, count: 6))])
    let path = try folder.write("x.pt", archive)
    #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
  }

  @Test("a storage of another size than the pickle says is refused; a right one is read")
  func storageSize() throws {
    let folder = try TemporaryFolder()
    for (bytes, fails) in [(20, true), (28, true), (24, false)] {
      let pickle = tensorPickle(offset: 0, size: [6], stride: [1], count: 6)
      let data = [UInt8](repeating: 0, count: bytes)
      let path = try folder.write("x.pt", storedZip([("a/data.pkl", pickle), ("a/data/0", data)]))
      if fails {
        #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
      } else {
        #expect(try Checkpoint(path: path).tensors.count == 1)
      }
    }
  }

  @Test("a small storage expanded beyond any weight is listed, not read")
  func expansion() throws {
    let folder = try TemporaryFolder()
    for (count, isTensor) in [(1_000_000_000_000, false), (1_000_000, true)] {
      let pickle = tensorPickle(offset: 0, size: [count], stride: [0], count: 6)
      let path = try folder.write(
        "x.pt", storedZip([("a/data.pkl", pickle), ("a/data/0", rampBytes(.float32, count: 6))]))
      let checkpoint = try Checkpoint(path: path)
      #expect(checkpoint.tensors.count == (isTensor ? 1 : 0))
      #expect(checkpoint.placeholders.map(\.kind) == (isTensor ? [] : [.data]))
    }
  }

  @Test("a torch.Size that contains itself is an error, not a loop")
  func cyclicSize() throws {
    let folder = try TemporaryFolder()
    // Size's argument list, memoised, holds the Size that REDUCE makes of it.
    let storage =
      [0x28] + text("storage") + "ctorch\nFloatStorage\n".utf8 + text("0") + text("cpu")
      + [0x4B, 6, 0x74, 0x51]
    let list: [UInt8] = [0x5D, 0x71, 1]
    let size: [UInt8] = Array("ctorch\nSize\n".utf8) + list + [0x85, 0x52, 0x71, 2]
    let close: [UInt8] = [0x68, 1, 0x68, 2, 0x61, 0x30]
    let pickle =
      [0x80, 2] + size + close + [0x30] + "ctorch._utils\n_rebuild_tensor_v2\n".utf8 + [0x28]
      + storage + [0x4B, 0, 0x68, 2, 0x68, 2, 0x89, 0x7D, 0x74, 0x52, 0x2E]
    let path = try folder.write("x.pt", storedZip([("a/data.pkl", pickle)]))
    #expect(throws: CheckpointError.self) { try Checkpoint(path: path) }
  }

  @Test("items that a mapping's class is called with are not lost")
  func mappingArguments() throws {
    let folder = try TemporaryFolder()
    let tensor = tensorPickle(offset: 0, size: [6], stride: [1], count: 6).dropFirst(2).dropLast()
    // OrderedDict([("w", tensor)]) and Counter({"c": tensor}), in one tuple.
    let ordered =
      Array("ccollections\nOrderedDict\n".utf8) + [0x5D] + text("w") + tensor
      + [0x86, 0x61, 0x85, 0x52]
    let counter =
      Array("ccollections\nCounter\n".utf8) + [0x7D] + text("c") + tensor + [0x73, 0x85, 0x52]
    let pickle = [0x80, 2] + ordered + counter + [0x86, 0x2E]
    let path = try folder.write(
      "x.pt", storedZip([("a/data.pkl", pickle), ("a/data/0", rampBytes(.float32, count: 6))]))
    #expect(try Checkpoint(path: path).tensors.map(\.name) == ["0.w", "1.c"])
  }

  /// A short string.
  private func text(_ value: String) -> [UInt8] { [0x8C, UInt8(value.utf8.count)] + value.utf8 }

  /// A float32 tensor of 6 elements, to be put into a pickle.
  private var tensor: [UInt8] {
    Array(tensorPickle(offset: 0, size: [6], stride: [1], count: 6).dropFirst(2).dropLast())
  }

  private func archive(_ pickle: [UInt8]) throws -> Checkpoint {
    let folder = try TemporaryFolder()
    let bytes = storedZip([("a/data.pkl", pickle), ("a/data/0", rampBytes(.float32, count: 6))])
    return try Checkpoint(path: try folder.write("x.pt", bytes))
  }

  @Test("a module pickled by Python 2 has its parameters in the arguments of an OrderedDict")
  func python2Module() throws {
    // OrderedDict([[name, value], …])
    func ordered(_ name: String, _ value: [UInt8]) -> [UInt8] {
      "ccollections\nOrderedDict\n".utf8 + [0x5D, 0x5D] + text(name) + [0x61] + value
        + [0x61, 0x61, 0x85, 0x52]
    }
    func module(_ group: String, _ items: [UInt8]) -> [UInt8] {
      "(itorch.nn\nModule\n".utf8 + [0x7D] + text(group) + items + [0x73, 0x62]
    }
    let layer = module("_parameters", ordered("weight", tensor))
    let pickle = [0x80, 2] + module("_modules", ordered("fc", layer)) + [0x2E]
    #expect(try archive(pickle).entries.map(\.name) == ["fc.weight"])
  }

  @Test("of two equal keys the last value counts, in the place of the first, as in Python")
  func equalKeys() throws {
    func dict(_ items: [([UInt8], [UInt8])]) -> [UInt8] {
      [0x80, 2, 0x7D, 0x28] + items.flatMap { $0.0 + $0.1 } + [0x75, 0x2E]
    }
    let one: [UInt8] = [0x4B, 1]
    let pickle = dict([
      (text("w"), one), (text("b"), one), (text("w"), tensor), (one, [0x4B, 5]),
      ([0x88], [0x4B, 6]),
    ])
    let checkpoint = try archive(pickle)
    #expect(checkpoint.entries.map(\.name) == ["w", "b", "1"])
    #expect(checkpoint.tensors.map(\.name) == ["w"])
    #expect(checkpoint.placeholders.map(\.reason) == ["int 1", "int 6"])
  }

  @Test(
    "a tensor in a place without a name is listed as data that is not read",
    arguments: ["wrapper", "mapping", "callable"])
  func withoutName(_ place: String) throws {
    let object: [UInt8] =
      switch place {
      case "wrapper":
        "ctorch.jit._pickle\nrestore_type_tag\n".utf8 + tensor + tensor + [0x86, 0x52]
      case "mapping": "ccollections\nOrderedDict\n".utf8 + [0x5D] + tensor + [0x61, 0x85, 0x52]
      default: tensor + [0x29, 0x52]
      }
    let checkpoint = try archive([0x80, 2, 0x7D] + text("x") + object + [0x73, 0x2E])
    #expect(checkpoint.placeholders.map(\.kind) == [.data])
  }

  @Test("dicts that hold the next one twice end, above a module whose modules are a list")
  func doubledDicts() throws {
    func pickle(_ levels: Int) -> [UInt8] {
      let list = [0x5D] + tensor + [0x61]
      var bytes: [UInt8] = [0x80, 2] + "(itorch.nn\nModule\n".utf8
      bytes += [0x7D] + text("_modules") + list + [0x73, 0x62, 0x71, 0]
      for level in 0..<levels {
        let below: [UInt8] = [0x68, UInt8(level)]
        bytes += [0x7D, 0x28] + text("a") + below + text("b") + below
        bytes += [0x75, 0x71, UInt8(level + 1)]
      }
      return bytes + [0x2E]
    }
    #expect(try archive(pickle(1)).tensors.map(\.name) == ["a._modules.0", "b._modules.0"])
    #expect {
      try archive(pickle(60))
    } throws: {
      "\($0)".contains("are listed again and again")
    }
  }

  /// `_rebuild_tensor_v2` of a float32 storage of `count` elements.
  private func tensorPickle(offset: Int, size: [Int], stride: [Int], count: Int) -> [UInt8] {
    func int(_ value: Int) -> [UInt8] {
      [0x8A, 8] + withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }
    func tuple(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap(int) + [0x74] }
    let storage =
      [0x28] + text("storage") + "ctorch\nFloatStorage\n".utf8 + text("0") + text("cpu")
      + int(count) + [0x74, 0x51]
    return [0x80, 2] + "ctorch._utils\n_rebuild_tensor_v2\n".utf8 + [0x28] + storage + int(offset)
      + tuple(size) + tuple(stride) + [0x89, 0x7D, 0x74, 0x52, 0x2E]
  }
}
