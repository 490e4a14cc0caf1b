import ChestReading
import Findings
import Foundation
import Worklist

/// A study that is being worked on, with its images prepared.
struct LeasedStudy: Sendable {
    var lease: WorkLease
    var study: Worklist.Study
    /// The stored images of this revision and the earlier ones.
    var instances: [Instance]
    var prepared: PreparedStudy

    /// What the model is asked.
    func request(deadline: Duration) -> ReadingRequest {
        ReadingRequest(
            studyInstanceUID: study.studyInstanceUID, images: prepared.images, context: prepared.context,
            deadline: deadline)
    }

    /// The reading that says why there is none.
    func abstention(_ abstention: Abstention, _ model: ModelIdentity, disclaimer: String) -> Reading {
        Reading(
            studyInstanceUID: study.studyInstanceUID,
            images: prepared.assessments.compactMap(\.source).filter { $0.rows > 0 && $0.columns > 0 },
            model: model, abstention: abstention, disclaimer: disclaimer)
    }
}
