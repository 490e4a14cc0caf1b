import Foundation

/// `preprocessor_config.json`, as far as it decides about pixels.
public struct PreprocessorConfiguration: Sendable, Decodable {
    /// `size` and `crop_size` in the forms that Hugging Face writes: a number, or an object.
    public struct Size: Sendable, Decodable {
        public var shortestEdge: Int?
        public var width: Int?
        public var height: Int?

        private enum CodingKeys: String, CodingKey {
            case shortestEdge = "shortest_edge"
            case width, height
        }

        public init(from decoder: any Decoder) throws {
            if let edge = try? decoder.singleValueContainer().decode(Int.self) {
                shortestEdge = edge
                return
            }
            let container = try decoder.container(keyedBy: CodingKeys.self)
            shortestEdge = try container.decodeIfPresent(Int.self, forKey: .shortestEdge)
            width = try container.decodeIfPresent(Int.self, forKey: .width)
            height = try container.decodeIfPresent(Int.self, forKey: .height)
        }

        init(square edge: Int) {
            (width, height) = (edge, edge)
        }
    }

    public var imageProcessorType: String?
    public var doResize: Bool?
    public var size: Size?
    public var resample: Int?
    public var doCenterCrop: Bool?
    public var cropSize: Size?
    public var doPad: Bool?
    public var doRescale: Bool?
    public var rescaleFactor: Double?
    public var doNormalize: Bool?
    public var imageMean: [Double]?
    public var imageStd: [Double]?
    public var imageGridPinpoints: [[Int]]?
    public var doPanAndScan: Bool?

    private enum CodingKeys: String, CodingKey {
        case imageProcessorType = "image_processor_type"
        case doResize = "do_resize"
        case size, resample
        case doCenterCrop = "do_center_crop"
        case cropSize = "crop_size"
        case doPad = "do_pad"
        case doRescale = "do_rescale"
        case rescaleFactor = "rescale_factor"
        case doNormalize = "do_normalize"
        case imageMean = "image_mean"
        case imageStd = "image_std"
        case imageGridPinpoints = "image_grid_pinpoints"
        case doPanAndScan = "do_pan_and_scan"
    }

    /// Reads the file of a model directory: `preprocessor_config.json`, or the `image_processor` member of
    /// `processor_config.json`, where newer saves keep it.
    ///
    /// - Throws: ``CheckpointError``.
    public static func load(directory: URL) throws -> PreprocessorConfiguration {
        struct Processor: Decodable {
            var imageProcessor: PreprocessorConfiguration?

            enum CodingKeys: String, CodingKey {
                case imageProcessor = "image_processor"
            }
        }
        let own = directory.appendingPathComponent("preprocessor_config.json")
        let joint = directory.appendingPathComponent("processor_config.json")
        if !FileManager.default.fileExists(atPath: own.path), FileManager.default.fileExists(atPath: joint.path),
            let nested = try ConfigurationFile.decode(Processor.self, at: joint).imageProcessor
        {
            return nested
        }
        return try ConfigurationFile.decode(PreprocessorConfiguration.self, at: own)
    }
}
