// Makes the corpus of wrong weights for tests in other languages:
//
//     MakeCorpus FOLDER SAVI_CKPT
import DamageCorpus
import Foundation

guard CommandLine.arguments.count == 3 else { exit(64) }
let folder = CommandLine.arguments[1]
try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
try Corpus(in: folder, tool: URL(fileURLWithPath: CommandLine.arguments[2])).writeAll()
