import DICOM
import Radiography

/// What the header tells the model beside the pixels. Holds no identifiers.
public struct ClinicalContext: Sendable, Equatable, Codable {
    /// Reason for the Requested Procedure (0040,1002).
    public var indication: String?
    /// Additional Patient History (0010,21B0).
    public var history: String?
    /// Admitting Diagnoses Description (0008,1080).
    public var diagnoses: String?
    /// The leading image's projection.
    public var projection: ViewEvidence.Projection
    /// Decades: `40-49`; `90+` from 90 years on.
    public var ageBand: String?
    /// `M`, `F` or `O`.
    public var sex: String?

    /// A context; nothing is known unless said.
    public init(
        indication: String? = nil, history: String? = nil, diagnoses: String? = nil,
        projection: ViewEvidence.Projection = .unknown, ageBand: String? = nil, sex: String? = nil
    ) {
        self.indication = indication
        self.history = history
        self.diagnoses = diagnoses
        self.projection = projection
        self.ageBand = ageBand
        self.sex = sex
    }
}
