import Bytes
import CheckpointCore

/// The pickle virtual machine, reduced to recording what a pickle describes.
///
/// It decodes every opcode of protocols 0 to 5 into a `PickleTree`. Where CPython would import a
/// name or call it, this machine notes the name and the arguments: nothing is ever called, so a
/// pickle cannot do anything. Work and memory are linear in the pickle's length, since every
/// opcode adds at most one node and moves each stack item at most once.
///
/// Source: CPython's Lib/pickle.py and Lib/pickletools.py.
struct PickleMachine {
  private var reader: ByteReader
  private var tree: PickleTree
  private var stack: [PickleTree.ID] = []
  /// The stack's heights at each MARK.
  private var marks: [Int] = []
  private var memo = PickleMemo()

  /// Decodes the pickle at the start of `bytes` and returns it with its length.
  static func decode(_ bytes: ArraySlice<UInt8>) throws -> (tree: PickleTree, length: Int) {
    guard bytes.count <= PickleTree.maximumLength else {
      throw CheckpointError(
        "\(bytes.count) bytes of pickle; at most \(PickleTree.maximumLength) are read")
    }
    var machine = PickleMachine(reader: ByteReader(bytes), tree: PickleTree(bytes))
    do {
      while try machine.step() {}
    } catch let error as ByteReader.Truncated {
      throw CheckpointError(error, reading: "the pickle")
    }
    return (machine.tree, machine.reader.position)
  }

  private func failure(_ message: String) -> CheckpointError {
    CheckpointError(
      "the pickle is damaged at byte \(reader.position - 1): \(message)",
      advice: "fetch or save the file again")
  }

  // MARK: The stack

  private mutating func push(_ node: PickleTree.Node) { stack.append(tree.add(node)) }

  private mutating func pop() throws -> PickleTree.ID {
    guard stack.count > (marks.last ?? 0) else { throw failure("the stack is empty") }
    return stack.removeLast()
  }

  private func top() throws -> PickleTree.ID {
    guard stack.count > (marks.last ?? 0) else { throw failure("the stack is empty") }
    return stack[stack.count - 1]
  }

  private mutating func popToMark() throws -> [PickleTree.ID] {
    guard let height = marks.popLast() else { throw failure("there is no MARK") }
    defer { stack.removeSubrange(height...) }
    return Array(stack[height...])
  }

  private mutating func pushTuple(_ items: [PickleTree.ID]) { stack.append(tree.addTuple(items)) }

  private mutating func pushTuple(ofTop count: Int) throws {
    guard stack.count - count >= marks.last ?? 0 else { throw failure("the stack is empty") }
    let tuple = tree.addTuple(stack.suffix(count))
    stack.removeLast(count)
    stack.append(tuple)
  }

  // MARK: Opcodes

  /// Runs one opcode; false after STOP.
  private mutating func step() throws -> Bool {
    let byte = try reader.readByte()
    guard !tree.isFull else {
      throw failure("it describes more than \(StructureLimits.values) values")
    }
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw failure("0x\(String(byte, radix: 16)) is no opcode of protocols 0 to 5")
    }
    switch opcode {
    case .stop:
      tree.setRoot(try pop())
      return false
    case .mark: marks.append(stack.count)
    case .pop:
      // At a mark POP removes the mark, as CPython does.
      if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .dup: stack.append(try top())
    case .none: push(.none)
    case .newTrue: push(.bool(true))
    case .newFalse: push(.bool(false))
    case .proto: try checkProtocol()
    case .frame: try reader.skip(8)
    case .get, .binGet, .longBinGet, .put, .binPut, .longBinPut, .memoize: try runMemo(opcode)
    case .emptyTuple, .tuple, .tuple1, .tuple2, .tuple3, .emptyList, .list, .emptyDict, .dict,
      .emptySet, .frozenSet:
      try runContainer(opcode)
    case .append, .appends, .addItems, .setItem, .setItems: try runInsertion(opcode)
    case .global, .stackGlobal, .reduce, .newObj, .newObjEx, .inst, .obj, .build, .persID,
      .binPersID, .ext1, .ext2, .ext4:
      try runObject(opcode)
    default: try runScalar(opcode)
    }
    return true
  }

  private mutating func checkProtocol() throws {
    let version = try reader.readByte()
    guard version <= 5 else {
      throw failure("pickle protocol \(version) is not known (0 to 5 are)")
    }
  }

  private mutating func runMemo(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .get: stack.append(try recall(try readDecimalLine()))
    case .binGet: stack.append(try recall(Int(try reader.readByte())))
    case .longBinGet: stack.append(try recall(Int(try reader.readLittleEndian(UInt32.self))))
    case .put: memo.store(try top(), at: try readDecimalLine())
    case .binPut: memo.store(try top(), at: Int(try reader.readByte()))
    case .longBinPut: memo.store(try top(), at: Int(try reader.readLittleEndian(UInt32.self)))
    default: memo.store(try top(), at: memo.count)
    }
  }

  private func recall(_ key: Int) throws -> PickleTree.ID {
    guard let id = memo[key] else { throw failure("memo entry \(key) was never stored") }
    return id
  }

  private mutating func runContainer(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .emptyTuple: pushTuple([])
    case .tuple: pushTuple(try popToMark())
    case .tuple1: try pushTuple(ofTop: 1)
    case .tuple2: try pushTuple(ofTop: 2)
    case .tuple3: try pushTuple(ofTop: 3)
    case .emptyList: push(.list(tree.addItems([])))
    case .list: push(.list(tree.addItems(try popToMark())))
    case .emptyDict: push(.dict(tree.addItems([])))
    case .dict:
      let items = try popToMark()
      guard items.count % 2 == 0 else { throw failure("a dict with a key but no value") }
      push(.dict(tree.addItems(items)))
    case .emptySet: push(.set(tree.addItems([])))
    default: push(.set(tree.addItems(try popToMark())))
    }
  }

  private mutating func runInsertion(_ opcode: PickleOpcode) throws {
    let isMapping = opcode == .setItem || opcode == .setItems
    let values: [PickleTree.ID]
    switch opcode {
    case .append: values = [try pop()]
    case .setItem:
      let value = try pop()
      values = [try pop(), value]
    default: values = try popToMark()
    }
    guard !isMapping || values.count % 2 == 0 else {
      throw failure("a key without a value")
    }
    switch (tree[try top()], isMapping) {
    case (.list(let items), false), (.set(let items), false), (.dict(let items), true):
      tree.append(values, to: items)
    case (.object(let object), true): tree.update(object) { $0.items += values }
    case (.object(let object), false): tree.update(object) { $0.appended += values }
    default: throw failure("\(opcode) on something that takes no items")
    }
  }

  private mutating func runObject(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .global: stack.append(try readGlobal())
    case .stackGlobal:
      let name = try pop()
      guard let name = tree.text(name), let module = tree.text(try pop()) else {
        throw failure("a global whose name is not a string")
      }
      stack.append(tree.addGlobal(module: module, name: name))
    case .reduce, .newObj:
      let arguments = try pop()
      stack.append(tree.addObject(callable: try pop(), arguments: arguments))
    case .newObjEx:
      _ = try pop()  // Keyword arguments: no allowed callable takes any.
      let arguments = try pop()
      stack.append(tree.addObject(callable: try pop(), arguments: arguments))
    case .inst:
      let callable = try readGlobal()
      let arguments = tree.addTuple(try popToMark())
      stack.append(tree.addObject(callable: callable, arguments: arguments))
    case .obj:
      var items = try popToMark()
      guard !items.isEmpty else { throw failure("an object without a class") }
      let callable = items.removeFirst()
      let arguments = tree.addTuple(items)
      stack.append(tree.addObject(callable: callable, arguments: arguments))
    case .build:
      let state = try pop()
      guard case .object(let object) = tree[try top()] else { return }
      tree.update(object) { $0.state = state }
    case .persID:
      let id = tree.add(.string(String(decoding: try reader.readLine(), as: UTF8.self)))
      push(.persistent(id))
    case .binPersID: push(.persistent(try pop()))
    case .ext1: push(.opaque("extension \(try reader.readByte())"))
    case .ext2: push(.opaque("extension \(try reader.readLittleEndian(UInt16.self))"))
    default: push(.opaque("extension \(try reader.readLittleEndian(UInt32.self))"))
    }
  }

  private mutating func readGlobal() throws -> PickleTree.ID {
    let module = String(decoding: try reader.readLine(), as: UTF8.self)
    return tree.addGlobal(
      module: module, name: String(decoding: try reader.readLine(), as: UTF8.self))
  }

  // MARK: Scalars

  private mutating func runScalar(_ opcode: PickleOpcode) throws {
    switch opcode {
    case .int: try pushIntLine()
    case .long: try pushIntLine()
    case .binInt: push(.int(Int(try reader.readLittleEndian(Int32.self))))
    case .binInt1: push(.int(Int(try reader.readByte())))
    case .binInt2: push(.int(Int(try reader.readLittleEndian(UInt16.self))))
    case .long1: pushLong(try reader.read(Int(try reader.readByte())))
    case .long4: pushLong(try readCounted(Int32.self))
    case .float:
      let text = String(decoding: try reader.readLine(), as: UTF8.self)
      guard let value = Double(text) else { throw failure("'\(text)' is not a number") }
      push(.float(value))
    case .binFloat: push(.float(Double(bitPattern: try reader.readBigEndian(UInt64.self))))
    case .string: push(.string(try readQuotedLine()))
    case .unicode: push(.string(Self.rawUnicode(try reader.readLine())))
    case .binString: pushPython2String(try readCounted(Int32.self))
    case .shortBinString: pushPython2String(try readCounted(UInt8.self))
    case .binUnicode: push(.string(String(decoding: try readCounted(UInt32.self), as: UTF8.self)))
    case .shortBinUnicode:
      push(.string(String(decoding: try readCounted(UInt8.self), as: UTF8.self)))
    case .binUnicode8:
      push(.string(String(decoding: try readCounted(UInt64.self), as: UTF8.self)))
    case .binBytes: stack.append(tree.addBytes(try readCounted(UInt32.self)))
    case .shortBinBytes: stack.append(tree.addBytes(try readCounted(UInt8.self)))
    case .binBytes8, .byteArray8: stack.append(tree.addBytes(try readCounted(UInt64.self)))
    case .nextBuffer: push(.opaque("out-of-band buffer"))
    case .readOnlyBuffer: break
    default: throw failure("\(opcode) is out of place")
    }
  }

  /// As many bytes as the count before them says.
  private mutating func readCounted<Count: FixedWidthInteger>(
    _: Count.Type
  ) throws -> ArraySlice<UInt8> {
    let count = try reader.readLittleEndian(Count.self)
    guard let count = Int(exactly: count), count >= 0 else {
      throw failure("a length of \(count)")
    }
    return try reader.read(count)
  }

  private mutating func readDecimalLine() throws -> Int {
    let text = String(decoding: try reader.readLine(), as: UTF8.self)
    guard let value = Int(text) else { throw failure("'\(text)' is not a memo key") }
    return value
  }

  /// Protocol 0 writes True and False as the integers 01 and 00, and longs with an L.
  private mutating func pushIntLine() throws {
    var text = Substring(decoding: try reader.readLine(), as: UTF8.self)
    if text == "01" { return push(.bool(true)) }
    if text == "00" { return push(.bool(false)) }
    if text.hasSuffix("L") { text.removeLast() }
    if let value = Int(text) { return push(.int(value)) }
    guard !text.isEmpty, text.drop(while: { $0 == "-" }).allSatisfy(\.isWholeNumber) else {
      throw failure("'\(text)' is not an integer")
    }
    push(.bigInt([]))
  }

  /// Two's complement, little-endian, of any length.
  private mutating func pushLong(_ bytes: ArraySlice<UInt8>) {
    guard bytes.count <= 8 else { return push(.bigInt(Array(bytes))) }
    var value: UInt64 = (bytes.last ?? 0) >= 0x80 ? .max : 0
    for byte in bytes.reversed() { value = value << 8 | UInt64(byte) }
    push(.int(Int(truncatingIfNeeded: value)))
  }

  /// A Python 2 `str`: text where it is UTF-8, bytes otherwise.
  private mutating func pushPython2String(_ bytes: ArraySlice<UInt8>) {
    if let text = String(validating: bytes, as: UTF8.self) {
      push(.string(text))
    } else {
      stack.append(tree.addBytes(bytes))
    }
  }

  private mutating func readQuotedLine() throws -> String {
    let line = try reader.readLine()
    guard line.count >= 2, let quote = line.first, quote == line.last,
      quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"")
    else { throw failure("a string without quotes") }
    return Self.unescape(line.dropFirst().dropLast())
  }

  /// Python's `raw-unicode-escape`: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for what is not in it.
  private static func rawUnicode(_ line: ArraySlice<UInt8>) -> String {
    var result = String.UnicodeScalarView()
    var rest = line
    while let byte = rest.popFirst() {
      let digits =
        byte != UInt8(ascii: "\\") ? nil : ["u": 4, "U": 8][rest.first.map(Unicode.Scalar.init)]
      if let digits,
        let code = UInt32(
          String(decoding: rest.dropFirst().prefix(digits), as: UTF8.self), radix: 16),
        let scalar = Unicode.Scalar(code)
      {
        rest = rest.dropFirst(1 + digits)
        result.append(scalar)
      } else {
        result.append(Unicode.Scalar(byte))
      }
    }
    return String(result)
  }

  /// The escapes of a quoted string.
  private static func unescape(_ line: ArraySlice<UInt8>) -> String {
    let text = String(decoding: line, as: UTF8.self)
    guard text.contains("\\") else { return text }
    var result = String.UnicodeScalarView()
    var rest = Substring(text).unicodeScalars
    while let scalar = rest.popFirst() {
      guard scalar == "\\", let kind = rest.popFirst() else {
        result.append(scalar)
        continue
      }
      let simple: [Unicode.Scalar: Unicode.Scalar] = [
        "n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", "\"": "\"",
      ]
      let digits: [Unicode.Scalar: Int] = ["x": 2, "u": 4, "U": 8]
      if let plain = simple[kind] {
        result.append(plain)
      } else if let count = digits[kind],
        let code = UInt32(String(rest.prefix(count)), radix: 16), let value = Unicode.Scalar(code)
      {
        rest.removeFirst(min(count, rest.count))
        result.append(value)
      } else {
        result.append(scalar)
        result.append(kind)
      }
    }
    return String(result)
  }
}
