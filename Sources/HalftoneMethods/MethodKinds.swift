/// The kind of a method: the list of the catalogue, and the folder, that it stands in.
public enum MethodFamily: String, Sendable, Hashable, CaseIterable, Codable {
    /// Several models become one.
    case merging
    /// Channels, weights or layers are left out.
    case pruning
    /// A trained model's weights and activations in fewer bits, without training it again.
    case postTraining = "post-training"
    /// How many bits each part of a model gets.
    case bitAllocation = "bit-allocation"
    /// Keys and values of attention in fewer bits.
    case caches
    /// Measurements that compare methods.
    case studies
    /// Training that sees the rounding.
    case quantizationAwareTraining = "quantization-aware-training"

    /// The folder of its methods below `HalftoneMethods` and `HalftoneReproductions`.
    public var folder: String {
        switch self {
        case .merging: "Merging"
        case .pruning: "Pruning"
        case .postTraining: "PostTraining"
        case .bitAllocation: "BitAllocation"
        case .caches: "Caches"
        case .studies: "Studies"
        case .quantizationAwareTraining: "QuantizationAware"
        }
    }

    /// The records of the family.
    public var records: [MethodRecord] {
        switch self {
        case .merging: MethodCatalogue.merging
        case .pruning: MethodCatalogue.pruning
        case .postTraining: MethodCatalogue.postTraining
        case .bitAllocation: MethodCatalogue.bitAllocation
        case .caches: MethodCatalogue.caches
        case .studies: MethodCatalogue.studies
        case .quantizationAwareTraining: MethodCatalogue.quantizationAwareTraining
        }
    }
}

/// Where in the making of a small model a method works.
public enum MethodStage: String, Sendable, Hashable, CaseIterable, Codable {
    /// While the model is trained, from nothing or further.
    case training
    /// On trained models, before anything is rounded: merging, pruning, rewriting.
    case transform
    /// The choice of codes and scales of a trained model.
    case weightRounding = "weight-rounding"
    /// The choice of formats, widths or sizes.
    case allocation
    /// Short training of a few parameters of a model that is small already.
    case tuning
    /// While the model runs.
    case runtime
    /// Measurements that change no model.
    case analysis
}

/// What must be at hand to use a method, beyond the weights of one model.
public enum MethodNeed: String, Sendable, Hashable, CaseIterable, Codable {
    /// Inputs without labels, a few hundred.
    case calibrationData = "calibration data"
    /// Inputs with labels, and the time to train.
    case trainingData = "training data"
    /// Gradients with respect to weights or activations.
    case gradients
    /// A trained model to start from.
    case pretrainedModel = "pretrained model"
    /// Several models that were trained further from one start.
    case fineTunedModels = "fine-tuned models"
}
