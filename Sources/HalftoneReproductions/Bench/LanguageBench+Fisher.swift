import HalftoneCompression
import HalftoneKernels
import HalftoneModels
import HalftoneNN
import HalftoneTensor

extension LanguageBench {
    /// The diagonal of the Fisher information of the blocks' linear layers: the sum over windows of
    /// the calibration text of the squared gradient of the loss, `[rows, columns]`.
    ///
    /// - Throws: `ModelError` for models that no network stands for.
    package func fisher() throws -> [Role: [Float]] {
        let network = try LlamaNetwork(model.weights)
        let roles = linearRoles
        let parameters = roles.map { network.linear($0)?.weight }
        var sums: [Role: Tensor] = [:]
        for tokens in calibration.sequences {
            let shape = [1, tokens.count - 1]
            let inputs = IndexTensor(shape: shape, elements: Array(tokens.dropLast()))
            let targets = IndexTensor(shape: shape, elements: Array(tokens.dropFirst()))
            let pass = ForwardContext(network, isTraining: true)
            let loss = network(inputs, pass).crossEntropy(targets).mean()
            let gradients = pass.gradients(of: loss)
            for (role, parameter) in zip(roles, parameters) {
                guard let square = parameter.flatMap({ gradients[$0] })?.squared() else { continue }
                sums[role] = sums[role].map { $0 + square } ?? square
            }
        }
        return sums.mapValues { $0.elements.array }
    }
}
