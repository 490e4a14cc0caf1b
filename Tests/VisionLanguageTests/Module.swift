import Testing
@testable import VisionLanguage
