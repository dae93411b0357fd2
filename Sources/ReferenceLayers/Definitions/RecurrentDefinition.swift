import CheckpointCore

/// A gated recurrent unit (Cho et al., arXiv:1406.1078) or an LSTM (Hochreiter and Schmidhuber 1997),
/// one step of it or a whole sequence:
///
///     GRU:  r, z = σ(gates); n = tanh(input + r · (hidden)); h' = (1 - z)·n + z·h
///     LSTM: i, f, o = σ(gates); g = tanh(gate); c' = f·c + i·g; h' = o·tanh(c')
///
/// Kernels are (inputs, gates · hidden), the gates in PyTorch's order: reset, update, candidate; and
/// input, forget, candidate, output. Flax has a layer per gate, Keras another order for the GRU.
/// Sequences are (items, time, …).
struct RecurrentDefinition: LayerDefinition {
  let id = "recurrent"
  let title = "recurrent layer"
  let isComposite = true

  private static let cells: Set = ["GRUCell", "LSTMCell", "OptimizedLSTMCell"]

  func describes(_ facts: LayerFacts) -> Bool {
    // Flax has no layer of these names: one that is called so is somebody's own.
    let layers: Set = facts.framework.isFlax ? ["RNN"] : ["GRU", "LSTM", "RNN"]
    return facts.isNamed(Self.cells) || facts.isNamed(layers)
  }

  /// The gates of a cell, as Flax's layers are called.
  private static let gates = ["gru": ["r", "z", "n"], "lstm": ["i", "f", "g", "o"]]

  func operands(_ facts: LayerFacts, _ read: (String) -> Tensor<Double>?) -> Operands? {
    let own =
      switch facts.framework {
      case .torch: torchOperands(read)
      case .keras: kerasOperands(facts, read)
      default: flaxOperands(read)
      }
    return own.map(withBiasesTogether)
  }

  /// Gates add their two biases, so that only the sum counts: it is kept in the input's. The part of a
  /// GRU's candidate that the reset gate multiplies is not one of them.
  private func withBiasesTogether(_ own: Operands) -> Operands {
    guard let kernel = own[.recurrentKernel], kernel.shape.count == 2 else { return own }
    let width = kernel.width
    var input = own[.inputBias]?.values ?? [Double](repeating: 0, count: width)
    var recurrent = own[.recurrentBias]?.values ?? [Double](repeating: 0, count: width)
    guard input.count == width, recurrent.count == width else { return own }
    let isGRU = kernel.width == 3 * kernel.shape[0]
    for index in 0..<(isGRU ? 2 * kernel.shape[0] : width) {
      input[index] += recurrent[index]
      recurrent[index] = 0
    }
    var operands = own
    operands[.inputBias] = Tensor([width], input)
    operands[.recurrentBias] = Tensor([width], recurrent)
    return operands
  }

  private func torchOperands(_ read: (String) -> Tensor<Double>?) -> Operands? {
    func find(_ name: String) -> Tensor<Double>? { read(name) ?? read("\(name)_l0") }
    guard let input = find("weight_ih"), let recurrent = find("weight_hh"),
      read("weight_ih_l1") == nil, read("weight_ih_l0_reverse") == nil
    else { return nil }
    var operands: Operands = [
      .inputKernel: input.transposed, .recurrentKernel: recurrent.transposed,
    ]
    operands[.inputBias] = find("bias_ih")
    operands[.recurrentBias] = find("bias_hh")
    return operands
  }

  private func kerasOperands(
    _ facts: LayerFacts, _ read: (String) -> Tensor<Double>?
  ) -> Operands? {
    let prefix = ["", "cell/", "gru_cell/", "lstm_cell/"].first { read("\($0)kernel") != nil }
    guard let prefix, let kernel = read("\(prefix)kernel"),
      let recurrent = read("\(prefix)recurrent_kernel")
    else { return nil }
    let isGRU = facts.classNames.contains { $0.hasPrefix("GRU") }
    // Keras' GRU has the update gate first.
    func ordered(_ x: Tensor<Double>) -> Tensor<Double> {
      guard isGRU else { return x }
      let each = x.width / 3
      return Tensor.joined(
        [1, 0, 2].map { x.columns($0 * each..<($0 + 1) * each) })
    }
    var operands: Operands = [.inputKernel: ordered(kernel), .recurrentKernel: ordered(recurrent)]
    if let bias = read("\(prefix)bias") {
      let rows = ordered(bias.reshaped([bias.rows, bias.width]))
      operands[.inputBias] = Tensor([rows.width], Array(rows.values.prefix(rows.width)))
      if rows.rows == 2 {
        operands[.recurrentBias] = Tensor([rows.width], Array(rows.values.suffix(rows.width)))
      }
    }
    return operands
  }

  private func flaxOperands(_ read: (String) -> Tensor<Double>?) -> Operands? {
    for prefix in ["", "cell/"] {
      for gates in Self.gates.values {
        func side(_ letter: String, _ part: String) -> [Tensor<Double>?] {
          gates.map { read("\(prefix)\(letter)\($0)/\(part)") }
        }
        let (input, recurrent) = (side("i", "kernel"), side("h", "kernel"))
        guard input.allSatisfy({ $0 != nil }), recurrent.allSatisfy({ $0 != nil }) else {
          continue
        }
        let kernels = (input.compactMap(\.self), recurrent.compactMap(\.self))
        func bias(_ letter: String, _ kernels: [Tensor<Double>]) -> Tensor<Double> {
          let parts = zip(side(letter, "bias"), kernels).map { bias, kernel in
            bias?.values ?? [Double](repeating: 0, count: kernel.width)
          }
          return Tensor([parts.reduce(0) { $0 + $1.count }], parts.flatMap(\.self))
        }
        return [
          .inputKernel: .joined(kernels.0), .recurrentKernel: .joined(kernels.1),
          .inputBias: bias("i", kernels.0), .recurrentBias: bias("h", kernels.1),
        ]
      }
    }
    return nil
  }

  func settings(_ facts: LayerFacts, _ operands: Operands, inputs: [Tensor<Double>]) -> Settings? {
    guard let kernel = operands[.recurrentKernel], kernel.shape.count == 2 else { return nil }
    let gates = kernel.width / max(1, kernel.shape[0])
    guard gates == 3 || gates == 4 else { return nil }
    return [
      .cell: .name(gates == 3 ? "gru" : "lstm"),
      .resetAfter: .flag(facts.flag("reset_after") ?? true),
    ]
  }

  func inputs(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> [Tensor<Double>] {
    let isStep = facts.isNamed(Self.cells)
    let states = tensors.filter { RecurrentState.isName($0.name) }
    guard let x = tensors.first(where: { item in !states.contains { $0.name == item.name } })
    else { return [] }
    let sequence = isStep ? Self.asStep(x.tensor) : timeSecond(x.tensor, facts)
    let isCarry = states.first?.name.contains("carry") ?? false
    // Flax's carry of an LSTM is (cell, hidden), PyTorch's hx (hidden, cell).
    let ordered = isCarry && states.count == 2 ? states.reversed() : states
    return [sequence] + ordered.map { $0.tensor.reshaped([$0.tensor.rows, $0.tensor.width]) }
  }

  func output(_ facts: LayerFacts, _ tensors: [NamedTensor]) -> Tensor<Double>? {
    let isFlaxCell =
      facts.isNamed(Self.cells) && (facts.framework == .linen || facts.framework == .nnx)
    guard let y = (isFlaxCell ? tensors.last : tensors.first)?.tensor else { return nil }
    return facts.isNamed(Self.cells) ? Self.asStep(y) : timeSecond(y, facts)
  }

  /// (items, width) → (items, 1, width)
  private static func asStep(_ x: Tensor<Double>) -> Tensor<Double> {
    x.reshaped([x.rows, 1, x.width])
  }

  private func timeSecond(_ x: Tensor<Double>, _ facts: LayerFacts) -> Tensor<Double> {
    guard x.shape.count == 3 else { return x.reshaped([1] + x.shape) }
    let isFirst =
      facts.framework == .torch
      ? !(facts.flag("batch_first") ?? false) : facts.flag("time_major") ?? false
    return isFirst ? x.permuted([1, 0, 2]) : x
  }

  func apply(
    _ inputs: [Tensor<Double>], _ operands: Operands, _ settings: Settings
  ) -> Tensor<Double>? {
    guard let x = inputs.first, x.shape.count == 3, let kernel = operands[.inputKernel],
      let recurrent = operands[.recurrentKernel], kernel.shape.count == 2,
      recurrent.shape.count == 2, x.width == kernel.shape[0], kernel.width == recurrent.width,
      let cell = settings.name(.cell)
    else { return nil }
    let (items, steps, hidden) = (x.shape[0], x.shape[1], recurrent.shape[0])
    func state(_ index: Int) -> Tensor<Double>? {
      guard inputs.indices.contains(index) else { return Tensor(zeros: [items, hidden]) }
      return inputs[index].values.count == items * hidden
        ? inputs[index].reshaped([items, hidden]) : nil
    }
    guard var h = state(1), var c = cell == "lstm" ? state(2) : h else { return nil }
    let byTime = x.permuted([1, 0, 2])
    let step = items * x.width
    var outputs: [Double] = []
    for time in 0..<steps {
      let frame = Tensor(
        [items, x.width], Array(byTime.values[time * step..<(time + 1) * step]))
      guard let input = frame.times(kernel).shifted(operands[.inputBias]) else { return nil }
      if cell == "gru" {
        guard
          let next = gru(
            input, h, recurrent, operands[.recurrentBias], resetAfter: settings.isOn(.resetAfter))
        else { return nil }
        h = next
      } else {
        guard let gates = (input + h.times(recurrent)).shifted(operands[.recurrentBias]) else {
          return nil
        }
        (h, c) = lstm(gates, c)
      }
      outputs += h.values
    }
    return Tensor([steps, items, hidden], outputs).permuted([1, 0, 2])
  }

  private func gru(
    _ input: Tensor<Double>, _ h: Tensor<Double>, _ recurrent: Tensor<Double>,
    _ bias: Tensor<Double>?, resetAfter: Bool
  ) -> Tensor<Double>? {
    let width = h.width
    guard let hidden = h.times(recurrent).shifted(bias) else { return nil }
    func gate(_ x: Tensor<Double>, _ index: Int) -> Tensor<Double> {
      x.columns(index * width..<(index + 1) * width)
    }
    var gates = Gates(
      reset: gate(input, 0) + gate(hidden, 0), update: gate(input, 1) + gate(hidden, 1),
      candidateInput: gate(input, 2), candidateHidden: gate(hidden, 2))
    if !resetAfter {
      // The reset gate multiplies the hidden state before its product, not after.
      let reset = Tensor(
        h.shape, zip(gates.reset.values, h.values).map { $1 / (1 + Double.exponential(-$0)) })
      guard let product = gate(reset.times(recurrent), 2).shifted(bias.map { gate($0, 2) }) else {
        return nil
      }
      gates = Gates(
        reset: Tensor(h.shape, [Double](repeating: .infinity, count: h.values.count)),
        update: gates.update, candidateInput: gates.candidateInput, candidateHidden: product)
    }
    return gatedUpdate("", gates, hidden: h, nil)
  }

  private func lstm(
    _ gates: Tensor<Double>, _ c: Tensor<Double>
  ) -> (h: Tensor<Double>, c: Tensor<Double>) {
    let width = c.width
    var (h, next) = (c, c)
    func sigmoid(_ x: Double) -> Double { 1 / (1 + Double.exponential(-x)) }
    for index in c.values.indices {
      let (row, column) = index.quotientAndRemainder(dividingBy: width)
      func gate(_ which: Int) -> Double { gates.values[row * 4 * width + which * width + column] }
      let (i, f, g) = (sigmoid(gate(0)), sigmoid(gate(1)), Double.hyperbolicTangent(gate(2)))
      next.values[index] = f * c.values[index] + i * g
      h.values[index] = sigmoid(gate(3)) * Double.hyperbolicTangent(next.values[index])
    }
    return (h, next)
  }

  func alternatives(
    to settings: Settings, _ operands: Operands, inputs: [Tensor<Double>]
  ) -> [Setting: [SettingValue]] {
    settings.name(.cell) == "gru" ? [.resetAfter: [.flag(!settings.isOn(.resetAfter))]] : [:]
  }
}
