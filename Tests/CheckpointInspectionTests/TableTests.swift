import CheckpointCore
import CheckpointFormats
import CheckpointInspection
import TestSupport
import Testing

@Suite("Parameter tables")
struct TableTests {
  private func rows(_ file: String, include: [String] = []) throws -> [StatisticsRow] {
    let checkpoint = try Checkpoint(
      path: fixture(file), selection: EntrySelection(include: include))
    return try statistics(of: checkpoint.tensors, threads: 2) { try checkpoint.stream($0, $1) }
  }

  @Test("print an empty checkpoint as an empty table")
  func empty() throws {
    #expect(
      ParameterTable([], style: .torch).text(.table) == """
        +------+-------+------+------+-----+
        | Name | Shape | Size | Mean | Std |
        +------+-------+------+------+-----+
        +------+-------+------+------+-----+
        Total: 0
        """)
  }

  @Test("count shared storage once, under its first name, and list it on request")
  func aliases() throws {
    let rows = try rows("torch/views.pt")
    let own = ParameterTable(rows, style: .torch)
    #expect(own.rows.map(\.tensor.name).contains("base"))
    #expect(!own.rows.map(\.tensor.name).contains("same"))
    let all = ParameterTable(rows, style: .full, listsAliases: true)
    #expect(all.rows.first { $0.tensor.name == "same" }?.aliasOf == "base")
    #expect(own.text(.table).hasSuffix("Total: 85"))
    #expect(all.text(.table).hasSuffix("Total: 85"))
  }

  @Test("clu's style: by name, with dtypes, population std and bytes")
  func clu() throws {
    let table = ParameterTable(
      try rows("numpy/dtypes.npz", include: ["^(int8|float32)$"]), style: .clu)
    #expect(
      table.text(.table) == """
        +---------+--------+---------+------+------+------+
        | Name    | Shape  | Dtype   | Size | Mean | Std  |
        +---------+--------+---------+------+------+------+
        | float32 | (2, 3) | float32 | 6    | 2.5  | 1.71 |
        | int8    | (2, 3) | int8    | 6    | 2.5  | 1.71 |
        +---------+--------+---------+------+------+------+
        Total: 12 -- 30 bytes
        """)
  }

  @Test("sort, cut and say what was cut")
  func sorting() throws {
    let rows = try rows("torch/views.pt")
    let table = ParameterTable(rows, style: .torch, order: .size, maximumLines: 1)
    #expect(table.rows.map(\.tensor.name) == ["base"])
    #expect(table.text(.markdown).contains("… 11 more"))
  }

  @Test("CSV quotes shapes, whose commas are data, and rounds no figure")
  func csv() throws {
    let table = ParameterTable(try rows("numpy/single.npy"), style: .torch)
    #expect(
      table.text(.csv) == "Name,Shape,Size,Mean,Std\n,\"(2, 3)\",6,2.5,1.8708286933869707")
  }

  @Test("CSV carries the figures of the JSON form, and no thousands separators")
  func csvFigures() throws {
    let rows = try rows("golden/tiny_perturbed_torch.npz")
    let table = ParameterTable(rows, style: .full)
    let document = try JSONParser.parse(Array(table.text(.json).utf8))
    guard case .array(let tensors)? = document["tensors"] else {
      Issue.record("no tensors")
      return
    }
    let lines = table.text(.csv).split(separator: "\n").dropFirst()
    #expect(lines.count == tensors.count)
    for (line, tensor) in zip(lines, tensors) {
      for key in ["mean", "std", "min", "max", "size", "zero_count"] {
        let figure = try #require(tensor[key]).serialized()
        #expect(line.contains(",\(figure == "null" ? "" : figure),"), "\(key) of \(line)")
      }
    }
  }

  @Test("JSON figures are float64; undefined ones are null")
  func json() throws {
    let text = ParameterTable(try rows("numpy/layouts.npz"), style: .torch).text(.json)
    let document = try JSONParser.parse(Array(text.utf8))
    guard case .array(let tensors)? = document["tensors"] else {
      Issue.record("no tensors")
      return
    }
    let scalar = tensors.first { $0["name"] == .string("scalar") }
    #expect(scalar?["std"] == .null)
    #expect(scalar?["mean"] == .double(0))
    let fortran = tensors.first { $0["name"] == .string("fortran") }
    #expect(fortran?["std"] == .double(13.0.squareRoot()))
    #expect(fortran?["max"] == .double(11))
  }
}
