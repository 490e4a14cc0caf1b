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

    /// Sends a study and tells which weights its audit record names.
    private func weightsThatRead(_ gateway: GatewayProcess, number: Int) throws -> String {
        let image = try ChestImage(in: bench.files)
        try bench.send([image.url], to: gateway)
        #expect(try bench.settles(gateway, revisions: number))
        let story = try bench.story(gateway, image.study)
        return String(try #require(story.firstMatch(of: /weights ([0-9a-f]{64})/)).output.1)
    }

    @Test func reloadSwapsTheModelAndReadingsNameTheOneThatMadeThem() throws {
        let gateway = try bench.start()
        let first = try #require(modelsInUse(gateway).first)
        #expect(try weightsThatRead(gateway, number: 1) == first)
        let other = try otherModel("other")
        try gateway.reload(options: ReferenceModelDirectory.section(other))
        #expect(eventually { modelsInUse(gateway).count == 2 })
        let second = try #require(modelsInUse(gateway).last)
        #expect(second != first)
        #expect(try weightsThatRead(gateway, number: 2) == second)
        let reports = try bench.inspect(gateway.storage.appendingPathComponent("delivered")).filter(\.isReport)
        #expect(reports.filter { $0.text.contains("other, version 7") }.count == 2, "the reports name it too")
    }

    @Test func aBrokenModelKeepsTheOldOneWithAnAlarmAndIsTriedAgainWhenMended() throws {
        let gateway = try bench.start()
        let first = try #require(modelsInUse(gateway).first)
        let broken = try otherModel("broken")
        let weights = broken.appendingPathComponent("model.safetensors")
        let whole = try Data(contentsOf: weights)
        try whole.prefix(1000).write(to: weights)
        try gateway.reload(options: ReferenceModelDirectory.section(broken))
        #expect(eventually { gateway.log.contains("the new model is not used, the old one reads on") })
        let alarms = try Command.run(
            Command.cxrgate, ["audit", "query", "--outcome", "serious-failure", "--database", bench.database(gateway)])
        #expect(alarms.output.contains("is not used"), "\(alarms.output)")
        #expect(try weightsThatRead(gateway, number: 1) == first)
        try whole.write(to: weights)
        try gateway.reload(options: ReferenceModelDirectory.section(broken))
        #expect(eventually { modelsInUse(gateway).count == 2 })
        #expect(try weightsThatRead(gateway, number: 2) != first)
    }
}
