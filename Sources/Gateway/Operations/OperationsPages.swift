import DICOM
import Foundation
import GRDB

/// What the operations endpoint shows. Counts, ages and names of the configuration only: no page has patient data.
struct OperationsPages: Sendable {
    let metrics: PrometheusMetrics
    let readiness: Readiness
    let ledger: Ledger
    let freeSpace: FreeSpace
    let openAssociations: @Sendable () -> Int

    /// The page of a path.
    func page(_ path: String) -> HTTPEndpoint.Response? {
        switch path {
        case "/metrics":
            HTTPEndpoint.Response(
                status: 200, contentType: MetricsPage.contentType, body: MetricsPage.write(families()))
        case "/healthz": status([(name: "database", problem: databaseProblem)])
        case "/readyz": status(readiness.results())
        case "/":
            HTTPEndpoint.Response(
                status: 200, contentType: "text/plain; charset=utf-8", body: "/metrics\n/healthz\n/readyz\n")
        default: nil
        }
    }

    /// Why the database does not answer; `nil` when it does.
    var databaseProblem: String? {
        do {
            _ = try ledger.pool.read { db in try Int.fetchOne(db, sql: "SELECT sequence FROM audit_head") }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func status(_ checks: [(name: String, problem: String?)]) -> HTTPEndpoint.Response {
        let isGood = checks.allSatisfy { $0.problem == nil }
        let lines = checks.map { "\($0.name): \($0.problem ?? "ok")\n" }
        return HTTPEndpoint.Response(
            status: isGood ? 200 : 503, contentType: "text/plain; charset=utf-8",
            body: (isGood ? "ok\n" : "failed\n") + lines.joined())
    }

    private func families() -> [MetricFamily] {
        // A database that does not answer costs its own metrics, not those that would explain why.
        let stored = try? ledger.pool.read { db in try StoreGauges.families(at: Date(), in: db) }
        return metrics.snapshot() + (stored ?? []) + disk() + ProcessGauges.families() + [
            MetricFamily(
                "cxrgate_database_up", .gauge, help: "1 when the database answered this scrape, else 0.",
                value: stored == nil ? 0 : 1),
            MetricFamily(
                "cxrgate_associations_open", .gauge, help: "Associations that are open now.",
                value: Double(openAssociations())),
            MetricFamily(
                "cxrgate_ready", .gauge, help: "1 when the condition for taking work holds, else 0.",
                samples: readiness.results().map {
                    MetricSample([MetricLabel("check", $0.name)], $0.problem == nil ? 1 : 0)
                }),
            MetricFamily(
                "cxrgate_build_info", .gauge, help: "1, with the version.",
                samples: [MetricSample([MetricLabel("version", Implementation.version)], 1)]),
        ]
    }

    private func disk() -> [MetricFamily] {
        guard let room = freeSpace.room() else { return [] }
        return [
            MetricFamily(
                "cxrgate_storage_free_bytes", .gauge, help: "Free on the file system of storage.directory.",
                value: room.free),
            MetricFamily(
                "cxrgate_storage_size_bytes", .gauge, help: "Size of the file system of storage.directory.",
                value: room.total),
            MetricFamily(
                "cxrgate_storage_watermark_bytes", .gauge, help: "Below so much free, instances are refused.",
                value: room.watermark),
        ]
    }
}
