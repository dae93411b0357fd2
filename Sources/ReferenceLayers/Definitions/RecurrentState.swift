/// The state that goes into a recurrent layer, by the names of the arguments: Flax's `carry` comes
/// first in a cell, `initial_carry` and PyTorch's `hx` last.
package enum RecurrentState {
  package static func isName(_ name: String) -> Bool {
    name.hasPrefix("carry") || name.hasPrefix("initial_carry") || name.hasPrefix("hx")
  }
}
