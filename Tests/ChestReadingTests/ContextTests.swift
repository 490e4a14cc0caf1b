import DICOM
import Foundation
import Radiography
import TestSupport
import Testing

@testable import ChestReading

/// Contexts from files that were written and read again.
@Suite struct ContextTests {
    private func context(
        _ characterSet: String? = nil, _ change: (Dataset) throws -> Void
    ) throws -> ClinicalContext {
        var picture = SyntheticRadiograph()
        (picture.rows, picture.columns) = (96, 80)
        picture.characterSet = characterSet
        picture.patientName = Array("Test^Paula".utf8)
        let file = try picture.file()
        try change(file.dataset)
        let scratch = try ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let url = scratch.url.appendingPathComponent("study.dcm")
        try file.write(to: url)
        let stored = try DICOMFile(contentsOf: url)
        let assessed = try AssessedRadiograph(stored, longestSide: 64)
        return ClinicalContext(
            stored.dataset, projection: assessed.suitability.view.projection, age: assessed.suitability.age)
    }

    @Test func everyAttributeFindsItsPlace() throws {
        let context = try context {
            try $0.set(.reasonForTheRequestedProcedure, "Cough for\r\n3 weeks ")
            try $0.set(.additionalPatientHistory, "Smoker")
            try $0.set(.admittingDiagnosesDescription, "Pneumonia\\COPD")
        }
        #expect(context.indication == "Cough for 3 weeks")
        #expect(context.history == "Smoker")
        #expect(context.diagnoses == "Pneumonia; COPD")
        #expect(context.projection == .posteroAnterior)
        #expect(context.ageBand == "60-69")
        #expect(context.sex == "F")
    }

    @Test func theRequestsItemIsASecondSourceAndTheDescriptionAThird() throws {
        let item = try context {
            try $0.set(.requestedProcedureDescription, "Chest PA")
            try $0.appendItem(.requestAttributesSequence).set(.reasonForTheRequestedProcedure, "Fall")
        }
        #expect(item.indication == "Fall")
        let description = try context { try $0.set(.requestedProcedureDescription, "Chest PA") }
        #expect(description.indication == "Chest PA")
        let nothing = try context { _ in }
        #expect(nothing.indication == nil)
        #expect(nothing.history == nil)
    }

    @Test(arguments: CharacterSetSample.all)
    func textIsDecodedByTheDeclaredCharacterSet(_ sample: CharacterSetSample) throws {
        let context = try context(sample.characterSet) {
            try $0.set(.additionalPatientHistory, bytes: sample.bytes, vr: "LT")
        }
        #expect(context.history == plainLine(sample.text))
    }

    @Test func textThatDoesNotFitItsCharacterSetIsLeftOut() throws {
        let context = try context("ISO_IR 192") {
            try $0.set(.reasonForTheRequestedProcedure, bytes: [0x46, 0xFC, 0xDF, 0x65], vr: "LO")
            try $0.set(.additionalPatientHistory, "plain")
        }
        #expect(context.indication == nil)
        #expect(context.history == "plain")
    }

    @Test func whatNamesThePatientIsBlanked() throws {
        let context = try context {
            try $0.set(.reasonForTheRequestedProcedure, "PAULA, testing after PID-000123, A2026-0042; Test, 19610504")
        }
        #expect(context.indication == "___, testing after ___, ___; ___, ___")
    }

    @Test func noContextIsEndless() throws {
        let context = try context {
            try $0.set(.additionalPatientHistory, String(repeating: "cough ", count: 1000))
        }
        #expect(context.history?.count == ClinicalContext.longestText)
    }

    @Test func agesAreBands() {
        #expect(ClinicalContext.band(years: 0.2) == "0-9")
        #expect(ClinicalContext.band(years: 39.99) == "30-39")
        #expect(ClinicalContext.band(years: 40) == "40-49")
        #expect(ClinicalContext.band(years: 90) == "90+")
        #expect(ClinicalContext.band(years: 112) == "90+")
    }
}
