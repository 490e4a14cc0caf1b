import Testing
@testable import Worklist
