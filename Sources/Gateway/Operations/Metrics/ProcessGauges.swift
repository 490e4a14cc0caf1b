import Foundation

/// The process itself, under the names that Prometheus' own client libraries use.
enum ProcessGauges {
    static func families() -> [MetricFamily] {
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        var families: [MetricFamily] = []
        // The name of the program, in parentheses, may hold anything: the fields are counted after it.
        let fields = text("/proc/self/stat").split(separator: ")").last?.split(separator: " ").map { Double($0) } ?? []
        if fields.count > 21, let user = fields[11], let system = fields[12], let start = fields[19],
            let virtual = fields[20], let resident = fields[21], let boot = bootTime()
        {
            families += [
                MetricFamily(
                    "process_cpu_seconds_total", .counter, help: "User and system CPU time.",
                    value: (user + system) / ticks),
                MetricFamily(
                    "process_start_time_seconds", .gauge, help: "When the process started, since 1970.",
                    value: boot + start / ticks),
                MetricFamily(
                    "process_virtual_memory_bytes", .gauge, help: "Size of the address space.", value: virtual),
                MetricFamily(
                    "process_resident_memory_bytes", .gauge, help: "Memory in use.", value: resident * page),
            ]
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            families.append(
                MetricFamily("process_open_fds", .gauge, help: "Open file descriptors.", value: Double(open)))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            families.append(
                MetricFamily(
                    "process_max_fds", .gauge, help: "The most file descriptors that may be open.",
                    value: Double(limit.rlim_cur)))
        }
        return families
    }

    /// Seconds since 1970.
    private static func bootTime() -> Double? {
        text("/proc/stat").split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
    }

    private static func text(_ path: String) -> String {
        (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
    }
}
