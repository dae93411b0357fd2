import CheckpointCore
import CheckpointMapping
import Testing

@Suite("What was done to a tensor")
struct DiagnosisTests {
  private func explain(_ shape: [Int], _ found: [Double], _ expected: [Double]) throws -> String? {
    LayoutDiagnosis(shape: try #require(Shape(shape)), rule: nil)
      .explain(found: found, expected: expected)
  }

  @Test("an embedding with x and y exchanged has its last axis reversed, and no columns flipped")
  func coordinates() throws {
    let right: [Double] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    let wrong: [Double] = [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
    #expect(try explain([1, 3, 2, 2], wrong, right) == "has its axis 3 of 2 reversed")
  }

  @Test("one number is a multiple of any other: nothing is said of it")
  func oneNumber() throws {
    #expect(try explain([1], [0.571], [0.071]) == nil)
    #expect(try explain([3], [2, 4, 6], [1, 2, 3]) == "is multiplied by 2.0")
  }

  @Test("square matrices are transposed, others were given another shape")
  func matrices() throws {
    #expect(try explain([2, 2], [1, 3, 2, 4], [1, 2, 3, 4]) == "is transposed")
  }
}
