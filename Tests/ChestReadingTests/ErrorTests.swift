import ChestReading
import Testing

@Test func everyErrorSaysWhatToThink() {
    #expect("\(ReadingError.unsupported(task: "synthesise images", model: "M"))" == "M cannot synthesise images.")
}
