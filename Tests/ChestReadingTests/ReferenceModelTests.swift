import DICOM
import Findings
import Foundation
import Radiography
import TestSupport
import Testing

@testable import ChestReading

private enum ShippedModel {
    static let directory: URL =
        ProcessInfo.processInfo.environment["CXRGATE_REFERENCE_MODEL"].map { URL(fileURLWithPath: $0) }
        ?? SharedData.packageRoot.appendingPathComponent("Models/reference")
    static let isPresent = FileManager.default.fileExists(
        atPath: directory.appendingPathComponent("config.json").path)
}

/// The shipped model on chests that it draws itself.
@Suite(.enabled(if: ShippedModel.isPresent, "Models/reference is absent"))
struct ReferenceModelTests {
    /// A drawn picture as a stored image.
    private func image(of picture: SyntheticPicture) throws -> ReadingImage {
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let instance = try SyntheticInstance(in: scratch.url) { dataset in
            try dataset.set(.rows, picture.rows)
            try dataset.set(.columns, picture.columns)
            try dataset.set(.patientOrientation, "L\\F")
            try dataset.set(.windowCenter, "2048")
            try dataset.set(.windowWidth, "4096")
            let pixels = picture.pixels.flatMap { value -> [UInt8] in
                let stored = UInt16((min(max(value, 0), 1) * 4095).rounded())
                return [UInt8(stored & 0xFF), UInt8(stored >> 8)]
            }
            try dataset.set(.pixelData, bytes: pixels, vr: "OW")
        }
        return try readingImage(DICOMFile(contentsOf: instance.url))
    }

    @Test func itDrawsAChestAndReadsIt() async throws {
        let model = try await ChestModel.load(directory: ShippedModel.directory)
        #expect(model.capabilities == Set(ReadingTask.allCases))
        let picture = try await model.synthesize("PA view, large right pleural effusion", seed: 3)
        let image = try image(of: picture)
        let study = try await model.read([readingRequest([image], indication: "cough")])[0].get()
        let reading = study.reading
        print(reading.sentences.map(\.text).joined(separator: "\n"))
        print(study.record.dropped, study.record.duration)
        #expect(reading.validate(against: .standard).isEmpty)
        #expect(reading.disclaimer.hasPrefix("Reference model, not for diagnosis."))
        #expect(!reading.findings.isEmpty)
        #expect(reading.findings.allSatisfy { $0.probability?.calibrated != false })
        let again = try await model.read([readingRequest([image], indication: "cough")])[0].get()
        #expect(again.reading == reading)

        let labels = try await model.classify(image)
        #expect(labels.count == 23)
        #expect(labels.allSatisfy { $0.concept != nil && $0.threshold != nil })
        #expect(labels.allSatisfy { ($0.probability != nil) == ($0.evidence == "real") })

        let lung = try await model.ground("right lung", in: image)
        print(lung.text, lung.regions)
        let chat = try await model.converse(about: [image])
        let view = try await chat.ask("Is this an AP or a PA view?")
        let side = try await chat.ask("Which devices are visible?")
        print(view.text, side.text)
        #expect(side.reusedTokens > 64)
    }
}
