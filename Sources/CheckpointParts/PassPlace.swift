/// Where in a command's work a pass is made.
struct PassPlace: Sendable, Hashable {
  /// The checkpoints that were opened before.
  private(set) var openings = 0
  /// The passes that were made since the last of them.
  private(set) var number = 0

  init() {}

  init(openings: Int, number: Int) { (self.openings, self.number) = (openings, number) }

  mutating func open() { self = PassPlace(openings: openings + 1, number: 0) }

  mutating func makePass() { number += 1 }
}
