/// One exchange of a conversation.
public struct Turn: Sendable, Equatable {
    /// What the user said.
    public var question: String
    /// What the model answered; nil while it is to be generated.
    public var answer: String?

    public init(question: String, answer: String? = nil) {
        self.question = question
        self.answer = answer
    }
}

/// How a family writes a conversation: its published template by hand, no template engine.
///
/// Images are written as ``imageMarker`` at the beginning of the first question, unless the question places them itself
/// (as MAIRA-2's prompts do).
public struct ChatTemplate: Sendable {
    /// What stands for an image in every prompt of this library.
    public static let imageMarker = "<image>"

    private let systemText: String?
    private let render: @Sendable (_ system: String?, _ turns: [Turn]) -> String
    private let afterImage: String
    /// What ends an answer beside the end of sequence: strings, or tokens written out.
    let stops: [String]
    /// What stands between the prompt and an answer.
    let answerPrefix: String

    /// The prompt that asks for the last turn's answer.
    ///
    /// - Parameter system: instead of the family's own system text.
    public func prompt(_ turns: [Turn], images: Int, system: String? = nil) -> String {
        var turns = turns
        if !turns.isEmpty, images > 0, !turns[0].question.contains(Self.imageMarker) {
            turns[0].question =
                String(repeating: Self.imageMarker + afterImage, count: images) + turns[0].question
        }
        return render(system ?? systemText, turns)
    }

    private static func joined(_ turns: [Turn], _ piece: (Turn, _ isFirst: Bool) -> String) -> String {
        turns.enumerated().map { piece($0.element, $0.offset == 0) }.joined()
    }

    /// llava-hf's template.
    static let llava = ChatTemplate(
        systemText: nil,
        render: { system, turns in
            (system.map { $0 + " " } ?? "")
                + joined(turns) { turn, _ in
                    "USER: \(turn.question) ASSISTANT:" + (turn.answer.map { " \($0) " } ?? "")
                }
        }, afterImage: "\n", stops: ["USER:"], answerPrefix: " ")

    /// LLaVA's `v1` (Vicuna) with its system sentence, as LLaVA-Rad uses it.
    static let vicuna = ChatTemplate(
        systemText: "A chat between a curious user and an artificial intelligence assistant. "
            + "The assistant gives helpful, detailed, and polite answers to the user's questions.",
        render: { system, turns in
            (system.map { $0 + " " } ?? "")
                + joined(turns) { turn, _ in
                    "USER: \(turn.question) ASSISTANT:" + (turn.answer.map { " \($0)</s>" } ?? "")
                }
        }, afterImage: "\n", stops: ["</s>", "USER:"], answerPrefix: " ")

    /// MAIRA-2's template, double spaces included.
    static let maira2 = ChatTemplate(
        systemText: "You are an expert radiology assistant tasked with interpreting a chest X-ray study. ",
        render: { system, turns in
            (system.map { $0 + " " } ?? "")
                + joined(turns) { turn, _ in
                    "USER:  \(turn.question)  ASSISTANT: " + (turn.answer.map { " \($0) </s>" } ?? "")
                }
        }, afterImage: "", stops: ["</s>"], answerPrefix: "")

    /// Mistral's instruction form.
    static let mistral = ChatTemplate(
        systemText: nil,
        render: { system, turns in
            joined(turns) { turn, isFirst in
                let system = isFirst ? system.map { $0 + "\n\n" } ?? "" : ""
                return "[INST] \(system)\(turn.question) [/INST]" + (turn.answer.map { " \($0)</s>" } ?? "")
            }
        }, afterImage: "\n", stops: ["</s>", "[INST]"], answerPrefix: " ")

    /// Qwen2's ChatML, which RadVLM and the reference model use.
    static func chatML(imageNewline: Bool) -> ChatTemplate {
        ChatTemplate(
            systemText: nil,
            render: { system, turns in
                (system.map { "<|im_start|>system\n\($0)<|im_end|>\n" } ?? "")
                    + joined(turns) { turn, _ in
                        "<|im_start|>user\n\(turn.question)<|im_end|>\n<|im_start|>assistant\n"
                            + (turn.answer.map { "\($0)<|im_end|>\n" } ?? "")
                    }
            }, afterImage: imageNewline ? "\n" : "", stops: ["<|im_end|>"], answerPrefix: "")
    }

    /// Gemma 3's turns.
    static let gemma = ChatTemplate(
        systemText: nil,
        render: { system, turns in
            joined(turns) { turn, isFirst in
                let system = isFirst ? system.map { $0 + "\n\n" } ?? "" : ""
                return "<start_of_turn>user\n\(system)\(turn.question)<end_of_turn>\n<start_of_turn>model\n"
                    + (turn.answer.map { "\($0)<end_of_turn>\n" } ?? "")
            }
        }, afterImage: "", stops: ["<end_of_turn>"], answerPrefix: "")
}
