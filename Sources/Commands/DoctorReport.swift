import Diagnosis

/// What `flexmig doctor` prints.
struct DoctorReport: Encodable {
    var format = "flexmig-doctor"
    var version = 1
    var flexmig = flexmigVersion
    var command: [String]
    var verdict: String
    var exitCode: Int
    var findings: [Finding]

    init(_ doctor: Doctor, command: [String]) {
        self.command = command
        findings = doctor.findings()
        (verdict, exitCode) = Doctor.verdict(findings)
    }

    /// A paragraph for each finding: what was found, how it is known, and what to do.
    var text: String {
        let paragraphs = findings.map { finding in
            let mark = "[\(finding.status.rawValue)]"
            let head = mark + String(repeating: " ", count: max(1, 10 - mark.count)) + finding.id
            var lines = [head + ": " + finding.found.replacing("\n", with: "\n          ")]
            if finding.status != .ok {
                lines.append("          fix: " + finding.fix.replacing("\n", with: "\n               "))
            }
            lines.append("          known from: \(finding.grade.rawValue)")
            return lines.joined(separator: "\n")
        }
        return paragraphs.joined(separator: "\n") + "\n\(verdict)"
    }
}
