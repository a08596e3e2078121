//! The wallet: charging it, and reading it.

use frontrow_domain::event::{Event, OutboxEvent, WalletCharged};
use frontrow_domain::records::{Key, Keys, Records};
use frontrow_domain::staff::ActionKind;
use frontrow_domain::wallet::{ChargeMethod, ChargePolicy, ChargeRefused, LedgerEntry, Wallet};
use frontrow_domain::{Money, Timestamp, TransactionId, UserId};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::box_office::{Failure, Priority};
use crate::command::{Command, Stop, refuse};
use crate::once::{Answered, Compact, OnceRefused, OnceTag};
use crate::staff::{By, Deed, Signature};
use crate::store::ReadError;

/// A charge that was booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charged {
    /// The ledger entry.
    pub transaction: TransactionId,
    /// The balance after it.
    pub balance: Money,
}

/// Why a charge is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargeWalletRefused {
    /// There is no such wallet.
    NotFound,
    /// The rules of the wallet say no.
    Policy(ChargeRefused),
}

/// The version of the compact form of [`Charged`].
const CHARGED_V1: u8 = 1;

impl Compact for Charged {
    fn to_bytes(&self) -> Option<Vec<u8>> {
        postcard::to_extend(self, vec![CHARGED_V1]).ok()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (CHARGED_V1, rest) = bytes.split_first().map(|(version, rest)| (*version, rest))? else {
            return None;
        };
        postcard::from_bytes(rest).ok()
    }
}

struct Charge {
    user: UserId,
    transaction: TransactionId,
    amount: Money,
    method: ChargeMethod,
    policy: ChargePolicy,
    signature: Signature,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SeenBalance {
    balance: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<TransactionId>,
}

impl Command for Charge {
    type Outcome = Charged;
    type Refusal = ChargeWalletRefused;

    fn keys(&self) -> Keys {
        Keys::new([Key::Wallet(self.user)])
    }

    fn decide(&self, records: &mut Records, now: Timestamp) -> Result<Charged, Stop<ChargeWalletRefused>> {
        let Some(wallet) = records.wallets.get(&self.user)?.cloned() else {
            return refuse(ChargeWalletRefused::NotFound);
        };
        let before = SeenBalance { balance: wallet.balance.minor(), transaction_id: None };
        let (wallet, entry) = wallet
            .charge(self.transaction, self.amount, self.method, &self.policy, now)
            .map_err(|refused| Stop::Refused(ChargeWalletRefused::Policy(refused)))?;
        let (wallet, sequence) = wallet.next_event();
        let charged = Charged { transaction: self.transaction, balance: wallet.balance };
        records.events.add(OutboxEvent {
            key: self.user.uuid(),
            sequence,
            at: now,
            event: Event::WalletCharged(WalletCharged {
                user_id: self.user,
                transaction_id: self.transaction,
                amount: self.amount,
                balance: wallet.balance,
            }),
            origin: None,
        });
        let after = SeenBalance { balance: wallet.balance.minor(), transaction_id: Some(self.transaction) };
        let (action, target) = (ActionKind::ChargeWallet, format!("user/{}/wallet", self.user));
        self.signature.note(records, now, Deed { action, target, before, after });
        records.ledger.add(entry);
        records.wallets.put(self.user, wallet);
        Ok(charged)
    }
}

impl App {
    /// Pays money into a wallet. Staff who do it for a fan leave a line on the audit log; `By::System` stands for the
    /// fan.
    pub async fn charge(
        &self,
        by: By,
        user: UserId,
        amount: Money,
        method: ChargeMethod,
        tag: Option<OnceTag>,
    ) -> Result<Answered<Charged>, Failure<OnceRefused<ChargeWalletRefused>>> {
        let transaction = TransactionId::new(self.entropy.uuid());
        let policy = self.settings.charges;
        let signature = self.sign(by);
        let command = Charge { user, transaction, amount, method, policy, signature };
        self.run_once(Priority::Settle, tag, command).await
    }

    /// The wallet of a fan.
    pub async fn wallet(&self, user: UserId) -> Result<Option<Wallet>, ReadError> {
        self.reads.wallet(user).await
    }

    /// Ledger entries of a fan, newest first, below the number given.
    pub async fn transactions(
        &self,
        user: UserId,
        below: Option<u64>,
        limit: usize,
    ) -> Result<Vec<LedgerEntry>, ReadError> {
        self.reads.entries(user, below, limit).await
    }
}
