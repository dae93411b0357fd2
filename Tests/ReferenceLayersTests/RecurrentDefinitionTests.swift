import ReferenceLayers
import Testing

@Suite("Recurrent layers among a model's modules")
struct RecurrentDefinitionTests {
  private func kind(_ framework: LayerFacts.Framework, _ classNames: String...) -> String? {
    LayerDefinitions.definition(
      for: LayerFacts(
        framework: framework, classNames: classNames, attributes: [:], parameters: [:]))?.id
  }

  @Test("Each framework's own layers and cells are known by their classes")
  func ownLayers() {
    #expect(kind(.torch, "GRU", "RNNBase") == "recurrent")
    #expect(kind(.torch, "LSTMCell", "RNNCellBase") == "recurrent")
    #expect(kind(.keras, "LSTM", "RNN") == "recurrent")
    #expect(kind(.linen, "RNN") == "recurrent")
    #expect(kind(.linen, "OptimizedLSTMCell", "RNNCellBase") == "recurrent")
    #expect(kind(.nnx, "GRUCell", "RNNCellBase") == "recurrent")
  }

  @Test("A module of somebody's own that Flax has no class for is not taken for the layer inside")
  func somebodysOwn() {
    #expect(kind(.linen, "GRU") == nil)
    #expect(kind(.nnx, "LSTM") == nil)
  }
}
