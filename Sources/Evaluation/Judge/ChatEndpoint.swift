import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A judge behind an OpenAI-compatible chat endpoint (`POST {base}/chat/completions`), as llama.cpp, vLLM and Ollama
/// serve one. Loopback only unless the site allows more: reports are patient data.
public struct ChatEndpoint: Judge {
    public let identity: JudgeIdentity
    private let url: URL
    private let temperature: Double
    private let seed: Int
    private let maximumTokens: Int
    private let key: String?
    private let session: URLSession

    /// An endpoint.
    ///
    /// - Parameters:
    ///   - base: The address up to and with the version, such as `http://127.0.0.1:8080/v1`.
    ///   - model: The model's name as the endpoint knows it.
    ///   - key: A bearer token, if the endpoint wants one. It is not recorded.
    ///   - allowsRemote: Whether the endpoint may be on another machine.
    ///   - timeout: Seconds to wait for one answer.
    ///   - environment: Where proxies are configured; the HTTP client obeys these variables whatever it is told.
    /// - Throws: ``JudgeError/invalidEndpoint(_:)``, ``JudgeError/remoteNotAllowed(_:)``, or
    ///   ``JudgeError/wouldUseProxy(variable:host:)`` when a report for this machine would go through a proxy.
    public init(
        base: String, model: String, key: String? = nil, temperature: Double = 0, seed: Int = 1,
        maximumTokens: Int = 2048, timeout: Double = 120, allowsRemote: Bool = false,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws {
        guard let components = URLComponents(string: base), let host = components.host, !host.isEmpty,
            components.scheme == "http" || components.scheme == "https",
            let url = URL(string: base.hasSuffix("/") ? base + "chat/completions" : base + "/chat/completions")
        else { throw JudgeError.invalidEndpoint(base) }
        guard allowsRemote || Self.isLoopback(host) else { throw JudgeError.remoteNotAllowed(host) }
        if !allowsRemote, let variable = Self.proxyVariable(components.scheme ?? "", host, environment) {
            throw JudgeError.wouldUseProxy(variable: variable, host: host)
        }
        self.url = url
        self.temperature = temperature
        self.seed = seed
        self.maximumTokens = maximumTokens
        self.key = key
        identity = JudgeIdentity(
            model: model, endpoint: base,
            settings: [
                "temperature": "\(temperature)", "seed": "\(seed)", "max_tokens": "\(maximumTokens)",
                "timeout_seconds": "\(timeout)",
            ])
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = timeout
        session = URLSession(configuration: configuration, delegate: RedirectRefusal(), delegateQueue: nil)
    }

    static func isLoopback(_ host: String) -> Bool {
        let host = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        if host == "localhost" || host == "::1" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The variable that would send a request through a proxy, by libcurl's rules.
    private static func proxyVariable(_ scheme: String, _ host: String, _ environment: [String: String]) -> String? {
        let exempt = (environment["no_proxy"] ?? environment["NO_PROXY"] ?? "").split { $0 == "," || $0 == " " }
        if exempt.contains("*") || exempt.contains(where: { $0.lowercased() == host.lowercased() }) { return nil }
        let names = scheme == "https" ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
        return (names + ["all_proxy", "ALL_PROXY"]).first { environment[$0]?.isEmpty == false }
    }

    private struct Request: Encodable {
        struct Message: Encodable {
            let role: String
            let content: String
        }
        let model: String
        let messages: [Message]
        let temperature: Double
        let seed: Int
        let maximumTokens: Int
        let stream = false

        enum CodingKeys: String, CodingKey {
            case model, messages, temperature, seed, stream
            case maximumTokens = "max_tokens"
        }
    }

    private struct Reply: Decodable {
        struct Choice: Decodable {
            struct Message: Decodable {
                let content: String?
            }
            let message: Message
        }
        let choices: [Choice]
    }

    public func answer(system: String, user: String) async throws -> String {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let key { request.setValue("Bearer \(key)", forHTTPHeaderField: "Authorization") }
        request.httpBody = try JSONEncoder().encode(
            Request(
                model: identity.model,
                messages: [.init(role: "system", content: system), .init(role: "user", content: user)],
                temperature: temperature, seed: seed, maximumTokens: maximumTokens))
        let data: Data
        let response: URLResponse
        do {
            (data, response) = try await session.data(for: request)
        } catch {
            throw JudgeError.unreachable(error.localizedDescription)
        }
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        guard status == 200 else {
            throw JudgeError.refused(status: status, body: String(decoding: data.prefix(200), as: UTF8.self))
        }
        guard let reply = try? JSONDecoder().decode(Reply.self, from: data) else {
            throw JudgeError.notAChatReply(String(decoding: data.prefix(200), as: UTF8.self))
        }
        guard let content = reply.choices.first?.message.content else { throw JudgeError.notAChatReply("no content") }
        return content
    }
}

/// A redirect could lead a report to another machine, so none is followed.
private final class RedirectRefusal: NSObject, URLSessionTaskDelegate {
    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}
