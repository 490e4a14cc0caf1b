import Foundation
import TestSupport
import Testing

/// Another model takes over while the gateway runs.
@Suite struct PipelineModelTests {
    private let bench: PipelineBench

    init() throws {
        bench = try PipelineBench()
    }

    /// The untrained model under another name, which gives the directory another digest.
    private func otherModel(_ name: String) throws -> URL {
        let url = bench.scratch.url.appendingPathComponent(name)
        try FileManager.default.copyItem(at: ReferenceModelDirectory.untrained, to: url)
        try Data(#"{"name": "\#(name)", "version": "7"}"#.utf8).write(to: url.appendingPathComponent("cxrgate.json"))
        return url
    }

    private func modelsInUse(_ gateway: GatewayProcess) -> [String] {
        gateway.log.matches(of: /digest=sha256:([0-9a-f]{64}).*model in use/).map { String($0.output.1) }
    }

    /// Sends a study and returns the model that its report names; the audit record names the weights and what was said,
    /// also of an answer that could not be used.
    private func modelThatRead(_ gateway: GatewayProcess, number: Int) throws -> String {
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: number))
        try bench.expectRead(gateway, image.study)
        let story = try bench.story(gateway, image.study)
        #expect(story.contains("weights \(try #require(modelsInUse(gateway).last))"), "\(story)")
        #expect(story.contains("prompt: ") && story.contains("decoding: "), "\(story)")
        let folder = gateway.storage.appendingPathComponent("delivered/\(image.study)")
        let named = try bench.inspect(folder).filter(\.isReport).compactMap { report in
            report.text.firstMatch(of: /Algorithm: (.+?, version \S+)/).map { String($0.output.1) }
        }
        #expect(named.count == 2 && Set(named).count == 1)
        return named.first ?? ""
    }

    @Test func reloadSwapsTheModelAndReadingsNameTheOneThatMadeThem() throws {
        let gateway = try bench.start()
        let first = try #require(modelsInUse(gateway).first)
        #expect(try modelThatRead(gateway, number: 1) == "reference (cxr_reference), version \(first.prefix(12))")
        try gateway.reload(options: ReferenceModelDirectory.section(otherModel("other")))
        #expect(eventually { modelsInUse(gateway).count == 2 })
        #expect(modelsInUse(gateway).last != first)
        #expect(try modelThatRead(gateway, number: 2) == "other, version 7")
    }

    /// The reload follows at once, while the gateway is still starting.
    @Test func aBrokenModelKeepsTheOldOneWithAnAlarmAndIsTriedAgainWhenMended() throws {
        let gateway = try bench.start()
        let broken = try otherModel("broken")
        let weights = broken.appendingPathComponent("model.safetensors")
        let whole = try Data(contentsOf: weights)
        try whole.prefix(1000).write(to: weights)
        try gateway.reload(options: ReferenceModelDirectory.section(broken))
        #expect(eventually { gateway.log.contains("the new model is not used, the old one reads on") })
        let alarms = try Command.run(
            Command.cxrgate, ["audit", "query", "--outcome", "serious-failure", "--database", bench.database(gateway)])
        #expect(alarms.output.contains("is not used"), "\(alarms.output)")
        #expect(try modelThatRead(gateway, number: 1).hasPrefix("reference (cxr_reference)"))
        try whole.write(to: weights)
        try gateway.reload(options: ReferenceModelDirectory.section(broken))
        #expect(eventually { modelsInUse(gateway).count == 2 })
        #expect(try modelThatRead(gateway, number: 2) == "broken, version 7")
    }

    /// A modality must be able to send whatever is wrong with the model.
    @Test func withoutItsModelTheGatewayReceivesAndStudiesWait() throws {
        let model = bench.scratch.url.appendingPathComponent("late")
        let gateway = try GatewayProcess(in: bench.scratch.url, options: ReferenceModelDirectory.section(model))
        #expect(gateway.log.contains("no model reads: studies are kept and wait"))
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try eventually { try gateway.query("SELECT state FROM study") == ["queued"] })
        try FileManager.default.copyItem(at: ReferenceModelDirectory.untrained, to: model)
        try gateway.reload(options: ReferenceModelDirectory.section(model))
        #expect(try bench.settles(gateway, revisions: 1))
        try bench.expectRead(gateway, image.study)
    }
}
