import DICOM
import DICOMNetwork
import Foundation
import TestSupport
import Testing

/// The conformance statement says what the code does.
@Suite struct StatementTests {
    private let directory = SharedData.packageRoot.appendingPathComponent("Conformance")

    private func text(_ name: String) throws -> String {
        try String(contentsOf: directory.appendingPathComponent(name), encoding: .utf8)
    }

    /// The cells of the table rows below a heading.
    private func rows(_ name: String, below heading: String) throws -> [[String]] {
        let section = try #require(try text(name).components(separatedBy: "# \(heading)\n").dropFirst().first)
        let lines = section.components(separatedBy: "\n#")[0].split(separator: "\n")
        return lines.filter { $0.hasPrefix("|") }.dropFirst(2).map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func everyAcceptedSOPClassIsStatedAndNoOther() throws {
        let stated = try rows("STATEMENT.md", below: "Network services")
        let provided = stated.filter { $0[3] == "yes" }.map { $0[1] }
        #expect(Set(provided) == Set(StorageSOPClass.defaultAccepted + [DIMSEService.verification.abstractSyntaxUID]))
        #expect(provided.count == StorageSOPClass.defaultAccepted.count + 1)
        let services = [DIMSEService.verification, .storageCommitment].map(\.abstractSyntaxUID)
        #expect(services.allSatisfy { uid in stated.contains { $0[1] == uid && $0[2] == "yes" } })
    }

    /// pydicom's dictionary gives the classes the same names.
    @Test func theStatedNamesAreTheStandards() throws {
        let script = "import sys, pydicom.uid; [print(pydicom.uid.UID(u).name) for u in sys.argv[1:]]"
        let stated = try rows("STATEMENT.md", below: "Network services")
        let answer = try Command.run(try Command.python(), ["-c", script] + stated.map { $0[1] })
        let names = answer.output.split(separator: "\n").map(String.init)
        #expect(names.count == stated.count, "\(answer.errors)")
        for (row, name) in zip(stated, names) {
            // The dictionary has "Verification SOP Class" where the table's heading already says that it is one.
            #expect(name.replacingOccurrences(of: " SOP Class", with: "") == row[0])
        }
    }

    @Test func everyStatusOfAStoreIsStated() throws {
        let stated = try rows("NETWORK.md", below: "C-STORE status").map { $0[0] }
        let ours: [StoreStatus] = [
            .success, .coercedOrConflicting, .outOfResources, .doesNotMatchSOPClass, .cannotUnderstand,
            .objectTooLarge, .invalidUID, .processingFailure,
        ]
        #expect(Set(stated) == Set(ours.map(\.description) + ["0122H"]))
    }

    @Test func everyRejectionIsStated() throws {
        let stated = try rows("NETWORK.md", below: "Association rejection (PS3.8 table 9-21)").map {
            "\($0[3]) (\($0[1]))"
        }
        let ours: [AssociationRejection] = [
            .calledAETitleNotRecognized, .callingAETitleNotRecognized, .applicationContextNotSupported,
            .localLimitExceeded, .temporaryCongestion,
        ]
        #expect(stated == ours.map(\.description))
    }

    @Test func theImplementationIsStated() throws {
        let network = try text("NETWORK.md")
        #expect(network.contains("`\(Implementation.classUID)`"))
        #expect(network.contains("`\(Implementation.versionName)`"))
        #expect(try text("STATEMENT.md").contains("CXRGateway \(Implementation.version)."))
    }

    /// Every section of the outline that a reader of such statements looks for, and no link into the void.
    @Test func theOutlineIsCompleteAndItsLinksLeadSomewhere() throws {
        let statement = try text("STATEMENT.md")
        let sections = [
            "## Overview", "## Introduction", "## Networking", "### Implementation model", "**Application data flow.**",
            "**Functional definition.**", "**Sequencing.**", "#### SOP classes", "#### Association policies",
            "#### Association initiation", "#### Association acceptance", "### Network interfaces", "### Configuration",
            "## Media interchange", "## Character sets", "## Security", "## Annexes", "**IOD contents.**",
            "**Private attributes.**", "**Coded terminology and templates.**", "**Grayscale image consistency.**",
            "**Standard extended, specialized and private SOP classes.**", "**Private transfer syntaxes.**",
        ]
        for section in sections {
            #expect(statement.contains("\n\(section)") || statement.contains(" \(section)"), "\(section) is missing")
        }
        for match in statement.matches(of: /\]\(([^)#]+)(#([^)]+))?\)/) {
            let target = directory.appendingPathComponent(String(match.output.1)).standardizedFileURL
            let linked = try String(contentsOf: target, encoding: .utf8)
            guard let anchor = match.output.3 else { continue }
            let anchors = linked.matches(of: /(?m)^#+ (.+)$/).map { heading in
                heading.output.1.lowercased().filter { $0.isLetter || $0.isNumber || " -_".contains($0) }
                    .replacingOccurrences(of: " ", with: "-")
            }
            #expect(anchors.contains(String(anchor)), "\(match.output.1)#\(anchor)")
        }
    }
}
