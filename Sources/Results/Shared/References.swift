import DICOM
import Findings

/// References from results to images, requests and earlier results.
enum References {
    /// Current Requested Procedure Evidence Sequence: every image once, grouped by series (PS3.3 Table C.17-3).
    static func writeEvidence(_ images: [SourceImage], studyInstanceUID: String, to dataset: Dataset) throws {
        var seen: Set<String> = []
        let distinct = images.filter { seen.insert($0.sopInstanceUID).inserted }
        let instances = distinct.map { ($0.seriesInstanceUID, $0.sopClassUID, $0.sopInstanceUID) }
        try writeHierarchy(
            instances, studyInstanceUID: studyInstanceUID, in: .currentRequestedProcedureEvidenceSequence, to: dataset)
    }

    /// Predecessor Documents Sequence (PS3.3 Table C.17-2).
    static func writePredecessors(_ results: [ResultReference], studyInstanceUID: String, to dataset: Dataset) throws {
        let instances = results.map { ($0.seriesInstanceUID, $0.sopClassUID, $0.sopInstanceUID) }
        try writeHierarchy(
            instances, studyInstanceUID: studyInstanceUID, in: .predecessorDocumentsSequence, to: dataset)
    }

    /// Referenced Request Sequence from the source's Request Attributes Sequence; one item even without a request, so
    /// that a reader finds the study and its accession number where it looks for them.
    static func writeRequests(of source: Dataset, to dataset: Dataset) throws {
        let requests: [Dataset?] = source.items(.requestAttributesSequence)
        for request in requests.isEmpty ? [nil] : requests {
            let item = try dataset.appendItem(.referencedRequestSequence)
            for tag in [
                .accessionNumber, .issuerOfAccessionNumberSequence, .studyInstanceUID, .referencedStudySequence,
            ] as [Tag] {
                item.copy(tag, from: source)
                if let request, request.text(tag) != nil || !request.items(tag).isEmpty {
                    item.copy(tag, from: request)
                }
            }
            for tag in [
                .requestedProcedureID, .requestedProcedureDescription, .requestedProcedureCodeSequence,
                .placerOrderNumberImagingServiceRequest, .fillerOrderNumberImagingServiceRequest,
            ] as [Tag] {
                if let request { item.copy(tag, from: request) }
            }
            for (tag, vr) in [
                (.accessionNumber, "SH"), (.requestedProcedureID, "SH"), (.requestedProcedureDescription, "LO"),
                (.placerOrderNumberImagingServiceRequest, "LO"), (.fillerOrderNumberImagingServiceRequest, "LO"),
            ] as [(Tag, String)] where !item.contains(tag) {
                try item.set(tag, "", vr: vr)
            }
            for tag in [.referencedStudySequence, .requestedProcedureCodeSequence] as [Tag] where !item.contains(tag) {
                try item.setEmptySequence(tag)
            }
        }
    }

    /// Appends a reference to an image, with the frame where the object has several.
    static func append(_ image: SourceImage, of source: SourceInstance, to sequence: Tag, in dataset: Dataset) throws {
        let item = try dataset.appendItem(sequence)
        try item.set(.referencedSOPClassUID, image.sopClassUID)
        try item.set(.referencedSOPInstanceUID, image.sopInstanceUID)
        if source.numberOfFrames > 1 {
            try item.set(.referencedFrameNumber, image.frame)
        }
    }

    private static func writeHierarchy(
        _ instances: [(series: String, sopClass: String, sopInstance: String)], studyInstanceUID: String,
        in sequence: Tag, to dataset: Dataset
    ) throws {
        guard !instances.isEmpty else { return }
        let study = try dataset.appendItem(sequence)
        try study.set(.studyInstanceUID, studyInstanceUID)
        var seriesItems: [String: Dataset] = [:]
        for instance in instances {
            let series: Dataset
            if let known = seriesItems[instance.series] {
                series = known
            } else {
                series = try study.appendItem(.referencedSeriesSequence)
                try series.set(.seriesInstanceUID, instance.series)
                seriesItems[instance.series] = series
            }
            let item = try series.appendItem(.referencedSOPSequence)
            try item.set(.referencedSOPClassUID, instance.sopClass)
            try item.set(.referencedSOPInstanceUID, instance.sopInstance)
        }
    }
}
