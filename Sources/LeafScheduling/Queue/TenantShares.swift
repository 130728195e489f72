/// What tenants may use, and whose turn it is.
public struct TenantShares: Sendable {
    /// What one tenant is entitled to.
    public struct Entitlement: Hashable, Sendable {
        /// Twice the weight, twice the share. Above 0.
        public var weight: Double
        /// The most compute slices that its running jobs may have together; nil for no limit.
        public var quota: Int?

        public init(weight: Double = 1, quota: Int? = nil) {
            self.weight = weight
            self.quota = quota
        }
    }

    /// By tenant.
    public let entitlements: [Entitlement]
    /// Whether tenants take turns by what they have used; else all stand in one line.
    public let isFair: Bool
    /// After so many seconds what was used counts half.
    public let halfLife: Double

    private(set) var held: [Int]
    /// Slice-seconds, each as if used at time 0 and grown since: an old second counts less than a new one.
    private var used: [Double]
    private var epoch = 0.0

    public init(_ entitlements: [Entitlement], isFair: Bool, halfLife: Double = 7 * 86_400) {
        self.entitlements = entitlements
        self.isFair = isFair
        self.halfLife = halfLife
        held = Array(repeating: 0, count: entitlements.count)
        used = Array(repeating: 0, count: entitlements.count)
    }

    /// Whether a tenant could have so many slices more.
    func allows(_ slices: Int, for tenant: Int) -> Bool {
        guard entitlements.indices.contains(tenant), let quota = entitlements[tenant].quota else { return true }
        return held[tenant] + slices <= quota
    }

    /// Whether a tenant could have so many slices if it had none.
    public func canEver(_ slices: Int, for tenant: Int) -> Bool {
        guard entitlements.indices.contains(tenant), let quota = entitlements[tenant].quota else { return true }
        return slices <= quota
    }

    /// Notes a start. The expected seconds are charged at once, so that a tenant can't start everything in one moment;
    /// where they are unknown, an hour.
    mutating func start(_ slices: Int, for tenant: Int, seconds: Double, now: Double) {
        guard held.indices.contains(tenant) else { return }
        held[tenant] += slices
        // Far from the epoch the growth would overflow: begin a new one.
        if now - epoch > 100 * halfLife {
            let factor = 0.5.power((now - epoch) / halfLife)
            for at in used.indices { used[at] *= factor }
            epoch = now
        }
        used[tenant] += Double(slices) * (seconds.isFinite ? seconds : 3600) * 2.0.power((now - epoch) / halfLife)
    }

    /// Takes the charge of a start back that came to nothing. Call it at the time of the start; later it is a little less.
    package mutating func refund(_ slices: Int, for tenant: Int, seconds: Double, now: Double) {
        guard held.indices.contains(tenant) else { return }
        let charge = Double(slices) * (seconds.isFinite ? seconds : 3600) * 2.0.power((now - epoch) / halfLife)
        used[tenant] = max(0, used[tenant] - charge)
    }

    /// By tenant: slice-seconds that it has used, as they count at a time.
    package func usage(now: Double) -> [Double] {
        let factor = 0.5.power((now - epoch) / halfLife)
        return used.map { $0 * factor }
    }

    /// The same rules and tenants with this behind them.
    ///
    /// - Parameter usage: by tenant, as `usage` gave it for a time.
    /// - Parameter held: by tenant: compute slices that its running jobs have.
    package func resumed(usage: [Double], held: [Int], now: Double) -> TenantShares {
        var copy = self
        copy.epoch = now
        for tenant in copy.used.indices {
            copy.used[tenant] = tenant < usage.count ? usage[tenant] : 0
            copy.held[tenant] = tenant < held.count ? held[tenant] : 0
        }
        return copy
    }

    mutating func end(_ slices: Int, for tenant: Int) {
        guard held.indices.contains(tenant) else { return }
        held[tenant] -= slices
    }

    /// What a tenant has used by its weight: who has least goes first.
    func standing(of tenant: Int) -> Double {
        used.indices.contains(tenant) ? used[tenant] / entitlements[tenant].weight : 0
    }
}

extension Double {
    /// A power with base 2 or 1/2, from whole powers and a series, so that no library is needed and every machine agrees.
    fileprivate func power(_ exponent: Double) -> Double {
        let signed = self < 1 ? -exponent : exponent
        let whole = signed.rounded(.down)
        let rest = (signed - whole) * 0.693_147_180_559_945_3
        var (sum, term) = (1.0, 1.0)
        for step in 1...18 {
            term *= rest / Double(step)
            sum += term
        }
        return Double(sign: .plus, exponent: Int(max(-1000, min(1000, whole))), significand: sum)
    }
}
