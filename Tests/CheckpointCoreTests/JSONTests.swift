import CheckpointCore
import Testing

@Suite("Strict JSON")
struct JSONTests {
  private func parse(_ text: String) throws -> JSONValue { try JSONParser.parse(Array(text.utf8)) }

  @Test("reads every kind of value")
  func values() throws {
    let value = try parse(#" {"a": [1, -2.5e3, true, false, null], "b\n\u00e9\ud83d\ude00": {}} "#)
    #expect(value["a"] == .array([.int(1), .double(-2500), .bool(true), .bool(false), .null]))
    #expect(value["b\né😀"] == .object([] as [JSONValue.Member]))
  }

  @Test(
    "refuses what is not JSON, with line and column",
    arguments: [
      ("", "line 1, column 1: expected a value, found the end of the document"),
      ("{\"a\": 1,\n \"a\": 2}", "line 2, column 2: the key \"a\" appears twice"),
      ("[1 2]", "line 1, column 4: expected ']', found '2'"),
      ("[1] x", "line 1, column 5: text follows the end of the document"),
      ("01", "line 1, column 1: not a number"),
      ("1.", "line 1, column 1: not a number"),
      ("-", "line 1, column 1: not a number"),
      ("[1,]", "line 1, column 4: expected a value, found ']'"),
      ("{\"a\" 1}", "line 1, column 6: expected ':', found '1'"),
      ("{a: 1}", "line 1, column 2: expected a key in quotes, found 'a'"),
      ("\"\\ud800\"", "line 1, column 8: a lone surrogate"),
      ("\"\\x\"", "line 1, column 3: an unknown escape in a string"),
      ("\"a", "line 1, column 1: this string has no end"),
      ("\"\u{1}\"", "line 1, column 2: an unescaped control character in a string"),
      (
        "99999999999999999999",
        "line 1, column 1: the integer 99999999999999999999 does not fit 64 bits"
      ),
      ("1e999", "line 1, column 1: the number 1e999 does not fit a double"),
      ("nul", "line 1, column 1: expected a value, found 'n'"),
    ])
  func failures(_ text: String, _ message: String) {
    #expect {
      try parse(text)
    } throws: {
      "\($0)" == message
    }
  }

  @Test("refuses invalid UTF-8 and nesting without end")
  func hostile() {
    #expect(throws: JSONParser.Failure.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
    #expect(throws: JSONParser.Failure.self) {
      try parse(String(repeating: "[", count: 1_000_000))
    }
  }

  @Test("tells an integer from a number with a fraction")
  func integers() throws {
    #expect(try parse("1") == .int(1))
    #expect(try parse("1.0") == .double(1))
    #expect(try parse("-9223372036854775808") == .int(.min))
  }

  @Test("writes what it reads")
  func roundTrip() throws {
    let value: JSONValue = .object([
      "a": .array([.int(1), .double(0.1), .object(["x": .null])]), "b": .string("q\"\\\n\u{1}é"),
      "c": .array([]), "d": .double(.nan),
    ])
    let compact = #"{"a":[1,0.1,{"x":null}],"b":"q\"\\\n\u0001é","c":[],"d":null}"#
    #expect(value.serialized() == compact)
    #expect(try parse(value.serialized(pretty: true)) == parse(compact))
  }
}
