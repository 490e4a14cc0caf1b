import DICOM
import Findings

extension ContentItem {
    /// Writes the item with all below it into a dataset: the document's own for the root, else a Content Sequence
    /// item.
    ///
    /// - Parameter frames: The frame to name for an image, nil for objects of one frame.
    func write(to dataset: Dataset, frames: (SourceImage) -> Int?) throws {
        if let relationship { try dataset.set(.relationshipType, relationship.rawValue) }
        if let name { try dataset.append(name, to: .conceptNameCodeSequence) }
        try writeValue(to: dataset, frames: frames)
        for child in children {
            try child.write(to: try dataset.appendItem(.contentSequence), frames: frames)
        }
    }

    private func writeValue(to dataset: Dataset, frames: (SourceImage) -> Int?) throws {
        switch value {
        case .container(let template):
            try dataset.set(.valueType, "CONTAINER")
            try dataset.set(.continuityOfContent, "SEPARATE")
            if let template {
                let item = try dataset.appendItem(.contentTemplateSequence)
                try item.set(.mappingResource, "DCMR")
                try item.set(.templateIdentifier, template)
            }
        case .text(let text):
            try dataset.set(.valueType, "TEXT")
            try dataset.set(.textValue, DICOMText.paragraphs(text))
        case .code(let code):
            try dataset.set(.valueType, "CODE")
            try dataset.append(code, to: .conceptCodeSequence)
        case .number(let number, let unit):
            try dataset.set(.valueType, "NUM")
            let item = try dataset.appendItem(.measuredValueSequence)
            try item.set(.numericValue, number)
            try item.append(unit, to: .measurementUnitsCodeSequence)
        case .uidReference(let uid):
            try dataset.set(.valueType, "UIDREF")
            try dataset.set(.uidValue, uid)
        case .date(let date):
            try dataset.set(.valueType, "DATE")
            try dataset.set(.dateValue, date)
        case .time(let time):
            try dataset.set(.valueType, "TIME")
            try dataset.set(.timeValue, time)
        case .image(let image):
            try dataset.set(.valueType, "IMAGE")
            let item = try dataset.appendItem(.referencedSOPSequence)
            try item.set(.referencedSOPClassUID, image.sopClassUID)
            try item.set(.referencedSOPInstanceUID, image.sopInstanceUID)
            if let frame = frames(image) { try item.set(.referencedFrameNumber, frame) }
        case .polyline(let points):
            try dataset.set(.valueType, "SCOORD")
            try dataset.set(.graphicType, "POLYLINE")
            try dataset.set(.graphicData, floats: points.map(Float.init))
        }
    }

    /// Every code in the tree, names and values.
    var codes: [Code] {
        var codes = [name].compactMap { $0 }
        if case .code(let code) = value { codes.append(code) }
        return codes + children.flatMap(\.codes)
    }
}
