/// The state that goes into a recurrent layer, by the names of the arguments: Flax's `carry` comes
/// first, PyTorch's `hx` last.
package enum RecurrentState {
  package static func isName(_ name: String) -> Bool {
    name.hasPrefix("carry") || name.hasPrefix("hx")
  }
}
