//! From rules to clauses. A rule is written over the structures of the table, by the names of their fields; what a rule
//! says of a field must be of the kind that the table gives it. What can be composed and taken apart, and from what, is
//! generated from the table.
//!
//! ```text
//!   rule merchant-names [tag]            only where the tag is set
//!     let T = TransIDs{lid-C: L, ..}     every field of the table, by name; `_` is anything
//!     if named(T, G), att(X)             all of these
//!     then att(signed(m, X))             each of these
//! ```

mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::{self, Write as _},
};

use countersign_set::table::{Field, Kind, Role, Shape, Structure};
use tokens::Tokens;

/// A field, by its structure's name and its own.
pub(crate) type FieldName = (&'static str, &'static str);

#[derive(Clone, Debug, PartialEq)]
enum Term {
    Variable(String),
    Function(String, Vec<Self>),
}

/// If all of these, then this; without a conclusion, never all of these.
#[derive(Debug)]
struct Clause {
    premises: Vec<Term>,
    conclusion: Option<Term>,
}

/// Clauses, and which structures stand in them.
pub(crate) struct Model<'a> {
    table: &'a [&'static Structure],
    /// Fields that are taken out of the table.
    without: &'a [FieldName],
    /// Rules with these tags are in it.
    tags: &'a [&'a str],
    clauses: Vec<Clause>,
    /// Of the rule that is read: the variables that stand for structures.
    types: BTreeMap<String, &'static Structure>,
    /// The structures that were read.
    used: BTreeSet<&'static str>,
    anything: usize,
}

impl<'a> Model<'a> {
    /// The clauses of rules, and of what the attacker can do with what is in them.
    pub(crate) fn new(
        table: &'a [&'static Structure],
        without: &'a [FieldName],
        tags: &'a [&'a str],
        texts: &[&str],
    ) -> Self {
        let mut model = Self {
            table,
            without,
            tags,
            clauses: Vec::new(),
            types: BTreeMap::new(),
            used: BTreeSet::new(),
            anything: 0,
        };
        for (structure, field) in without.iter().chain(SECRETS) {
            assert!(
                fields(model.structure(structure)).iter().any(|one| one.name == *field),
                "{structure} has no {field}"
            );
        }
        texts.iter().for_each(|text| model.read(text));
        model.attacker();
        model
    }

    fn structure(&self, name: &str) -> &'static Structure {
        let found = self.table.iter().find(|structure| structure.name == name);
        found.unwrap_or_else(|| panic!("the table has no {name}"))
    }

    /// Reads rules; facts and goals are rules without premises and without conclusions.
    fn read(&mut self, text: &str) {
        let mut tokens = Tokens::new(text);
        while !tokens.peek().is_empty() {
            tokens.expect("rule");
            let name = tokens.next();
            let mut is_in = true;
            while tokens.takes("[") {
                is_in &= self.tags.contains(&tokens.next());
                tokens.expect("]");
            }
            self.rule(&mut tokens, name, is_in);
        }
    }

    fn rule(&mut self, tokens: &mut Tokens<'_>, name: &str, is_in: bool) {
        let (mut lets, mut premises, mut conclusions) = (BTreeMap::new(), Vec::new(), Vec::new());
        loop {
            match tokens.peek() {
                "let" => {
                    tokens.next();
                    let variable = tokens.next().to_owned();
                    tokens.expect("=");
                    let term = self.term(tokens, &lets);
                    assert!(lets.insert(variable, term).is_none(), "{name} has a name twice");
                }
                "if" => {
                    tokens.next();
                    premises.push(self.term(tokens, &lets));
                    while tokens.takes(",") {
                        premises.push(self.term(tokens, &lets));
                    }
                }
                "then" => {
                    tokens.next();
                    conclusions.push(self.term(tokens, &lets));
                }
                _ => break,
            }
        }
        let types = std::mem::take(&mut self.types);
        if !is_in {
            return;
        }
        // A variable for a structure stands for all its parts.
        let mut whole = BTreeMap::new();
        for (variable, structure) in types {
            let values = self.values_of(structure);
            let [value] = values.as_slice() else { panic!("{name}: {variable} is a choice") };
            whole.insert(variable, value.clone());
        }
        let premises: Vec<Term> = premises.iter().map(|term| term.with(&whole)).collect();
        if conclusions.is_empty() {
            assert!(!premises.is_empty(), "{name} says nothing");
            self.add(&premises, None);
        }
        for conclusion in conclusions {
            self.add(&premises, Some(conclusion.with(&whole)));
        }
    }

    fn term(&mut self, tokens: &mut Tokens<'_>, lets: &BTreeMap<String, Term>) -> Term {
        let name = tokens.next();
        match tokens.peek() {
            "{" => self.sequence(name, tokens, lets),
            "." => self.choice(name, tokens, lets),
            _ if name == "_" => self.fresh(),
            "(" => {
                let mut arguments = Vec::new();
                tokens.expect("(");
                while !tokens.takes(")") {
                    arguments.push(self.term(tokens, lets));
                    tokens.takes(",");
                }
                Term::Function(word(name), arguments)
            }
            _ if name.starts_with(|c: char| c.is_ascii_uppercase()) => {
                lets.get(name).cloned().unwrap_or_else(|| Term::Variable(name.to_owned()))
            }
            _ => Term::Function(word(name), Vec::new()),
        }
    }

    /// A structure: each of its fields is named, and those that are taken out are left out.
    fn sequence(
        &mut self,
        name: &str,
        tokens: &mut Tokens<'_>,
        lets: &BTreeMap<String, Term>,
    ) -> Term {
        let structure = self.structure(name);
        let mut given = BTreeMap::new();
        tokens.expect("{");
        while !tokens.takes("}") {
            let field = tokens.next();
            tokens.expect(":");
            let term = self.term(tokens, lets);
            assert!(given.insert(field, term).is_none(), "{name} has {field} twice");
            tokens.takes(",");
        }
        let mut parts = Vec::new();
        for field in fields(structure) {
            let part = given.remove(field.name);
            let part =
                part.unwrap_or_else(|| panic!("a rule does not say {}.{}", name, field.name));
            assert!(
                fits(field.kind, &part),
                "{}.{} is {:?}, not {part}",
                name,
                field.name,
                field.kind
            );
            if self.is_there(structure, field) {
                self.note_type(field.kind, &part);
                parts.push(part);
            }
        }
        assert!(given.is_empty(), "the table does not have {:?} in {name}", given.keys());
        self.used.insert(structure.name);
        Term::Function(format!("s_{}", word(name)), parts)
    }

    fn note_type(&mut self, kind: &Kind, term: &Term) {
        if let (Kind::Named(name), Term::Variable(variable)) = (kind, term)
            && self.hides(kind)
            && let structure = self.structure(name)
        {
            self.types.insert(variable.clone(), structure);
        }
    }

    /// An alternative, under its tag. That of the messages the attacker can put on and take off as he likes: it is left out.
    fn choice(
        &mut self,
        name: &str,
        tokens: &mut Tokens<'_>,
        lets: &BTreeMap<String, Term>,
    ) -> Term {
        let structure = self.structure(name);
        let Shape::Choice(alternatives) = structure.shape else { panic!("{name} is no choice") };
        tokens.expect(".");
        let alternative = tokens.next();
        tokens.expect("(");
        let part = self.term(tokens, lets);
        tokens.expect(")");
        let field = alternatives.iter().find(|field| field.name == alternative);
        let field = field.unwrap_or_else(|| panic!("{name} has no {alternative}"));
        assert!(fits(field.kind, &part), "{name}.{alternative} is {:?}, not {part}", field.kind);
        if name == "Message" {
            return part;
        }
        self.note_type(field.kind, &part);
        Term::Function(tag(structure, field), vec![part])
    }

    /// Every value of a kind, as the attacker composes it of what he knows.
    fn values(&mut self, kind: &Kind) -> Vec<Term> {
        match kind {
            Kind::Named(name) if self.hides(kind) => self.values_of(self.structure(name)),
            _ => vec![self.fresh()],
        }
    }

    fn values_of(&mut self, structure: &'static Structure) -> Vec<Term> {
        let name = word(structure.name);
        match structure.shape {
            Shape::Enumerated(_) => vec![self.fresh()],
            Shape::Choice(alternatives) => {
                let mut values = Vec::new();
                for alternative in alternatives {
                    let tag = tag(structure, alternative);
                    let parts = self.values(alternative.kind);
                    values.extend(
                        parts.into_iter().map(|part| Term::Function(tag.clone(), vec![part])),
                    );
                }
                values
            }
            Shape::Sequence(fields) => {
                let mut all = vec![Vec::new()];
                for field in fields {
                    if !self.is_there(structure, field) {
                        continue;
                    }
                    let mut parts = self.values(field.kind);
                    // A variable may stand for nothing; a structure that is taken apart may not.
                    let is_apart = matches!(field.kind, Kind::Named(_)) && self.hides(field.kind);
                    if field.optional.is_some() && is_apart {
                        parts.push(Term::Function("none".to_owned(), Vec::new()));
                    }
                    all = all
                        .iter()
                        .flat_map(|before: &Vec<Term>| {
                            parts.iter().map(|part| {
                                let mut more = before.clone();
                                more.push(part.clone());
                                more
                            })
                        })
                        .collect();
                }
                all.into_iter().map(|parts| Term::Function(format!("s_{name}"), parts)).collect()
            }
        }
    }

    /// Whether there is something in it that the attacker must learn before he has it.
    fn hides(&self, kind: &Kind) -> bool {
        match kind {
            Kind::Signed { .. } | Kind::Sealed { .. } => true,
            Kind::Named(name) => {
                let structure = self.structure(name);
                match structure.shape {
                    Shape::Enumerated(_) => false,
                    Shape::Choice(fields) | Shape::Sequence(fields) => fields
                        .iter()
                        .any(|field| is_secret(structure, field) || self.hides(field.kind)),
                }
            }
            _ => false,
        }
    }

    /// What must be known for a structure to be known: what is secret, signed or sealed in it. All else the attacker may
    /// put in as he likes, even what he cannot know: that makes him stronger than he is.
    fn parts_known(&self, atom: &Term) -> Vec<Term> {
        let Term::Function(predicate, arguments) = atom else { return vec![] };
        let ("att", [term]) = (predicate.as_str(), arguments.as_slice()) else {
            return vec![atom.clone()];
        };
        let Term::Function(name, parts) = term else { return vec![atom.clone()] };
        let Some(structure) = self.structure_of(name) else { return vec![atom.clone()] };
        let kinds: Vec<(&Kind, bool)> = match structure.shape {
            Shape::Enumerated(_) => vec![],
            Shape::Choice(fields) => fields
                .iter()
                .filter(|field| *name == tag(structure, field))
                .map(|field| (field.kind, false))
                .collect(),
            Shape::Sequence(fields) => fields
                .iter()
                .filter(|field| self.is_there(structure, field))
                .map(|field| (field.kind, is_secret(structure, field)))
                .collect(),
        };
        let known = kinds.into_iter().zip(parts).filter(|((kind, secret), part)| {
            let is_absent = matches!(part, Term::Function(name, _) if name == "none");
            !is_absent && (*secret || self.hides(kind))
        });
        known.flat_map(|(_, part)| self.parts_known(&att(part.clone()))).collect()
    }

    fn structure_of(&self, function: &str) -> Option<&'static Structure> {
        self.table.iter().copied().find(|structure| match structure.shape {
            Shape::Sequence(_) => function == format!("s_{}", word(structure.name)),
            Shape::Choice(fields) => fields.iter().any(|field| function == tag(structure, field)),
            Shape::Enumerated(_) => false,
        })
    }

    fn is_there(&self, structure: &Structure, field: &Field) -> bool {
        !self.without.contains(&(structure.name, field.name))
    }

    fn fresh(&mut self) -> Term {
        self.anything += 1;
        Term::Variable(format!("Anything{}", self.anything))
    }

    /// Perfect cryptography: what the attacker (Dolev and Yao's) can make of what is known, and no more. A structure that
    /// is not protected is known when its parts are; so only what is protected is composed and taken apart.
    fn attacker(&mut self) {
        let mut protected = BTreeSet::new();
        for clause in &self.clauses {
            for atom in clause.premises.iter().chain(&clause.conclusion) {
                atom.protected(&mut protected);
            }
        }
        for (operation, what) in protected {
            let contents = match self.structure_of(&what) {
                Some(structure) => {
                    let mut values = self.values_of(structure);
                    values
                        .retain(|value| matches!(value, Term::Function(name, _) if *name == what));
                    values
                }
                None => vec![Term::Function(what, vec![self.fresh(), self.fresh()])],
            };
            for content in contents {
                self.protect(&operation, content);
            }
        }
    }

    fn protect(&mut self, operation: &str, content: Term) {
        let who = Term::Variable("Party".to_owned());
        let key = att(Term::Function("key".to_owned(), vec![who.clone()]));
        let whole = |parts: Vec<Term>| att(Term::Function(operation.to_owned(), parts));
        let (mut made_of, whole, opened_with) = match operation {
            "signed" => (vec![key], whole(vec![who, content.clone()]), Some(None)),
            "detached" => (vec![key], whole(vec![who, content.clone()]), None),
            _ => (vec![], whole(vec![who, content.clone()]), Some(Some(key))),
        };
        if let Some(with) = opened_with {
            let premises: Vec<Term> = with.into_iter().chain([whole.clone()]).collect();
            self.add(&premises, Some(att(content.clone())));
        }
        made_of.push(att(content));
        self.add(&made_of, Some(whole));
    }

    /// Adds a clause, with what is known of structures said of their parts.
    fn add(&mut self, premises: &[Term], conclusion: Option<Term>) {
        let mut known = Vec::new();
        for premise in premises {
            for part in self.parts_known(premise) {
                if !known.contains(&part) {
                    known.push(part);
                }
            }
        }
        let conclusions = match conclusion {
            None => vec![None],
            Some(conclusion) => self.parts_known(&conclusion).into_iter().map(Some).collect(),
        };
        for conclusion in conclusions {
            if conclusion.as_ref().is_none_or(|conclusion| !known.contains(conclusion)) {
                self.clauses.push(Clause { premises: known.clone(), conclusion });
            }
        }
    }

    /// The structures that stand in the rules.
    pub(crate) fn structures(&self) -> &BTreeSet<&'static str> {
        &self.used
    }

    /// In TPTP, as the provers read it.
    pub(crate) fn to_tptp(&self) -> String {
        let mut tptp = String::new();
        for (number, clause) in self.clauses.iter().enumerate() {
            let role = if clause.conclusion.is_some() { "axiom" } else { "negated_conjecture" };
            let premises = clause.premises.iter().map(|premise| format!("~{premise}"));
            let conclusion = clause.conclusion.iter().map(Term::to_string);
            let literals: Vec<String> = premises.chain(conclusion).collect();
            let literals = literals.join(" | ");
            writeln!(tptp, "cnf(c{number}, {role}, ({literals})).").unwrap();
        }
        tptp
    }
}

impl Term {
    fn with(&self, values: &BTreeMap<String, Self>) -> Self {
        match self {
            Self::Variable(name) => values.get(name).unwrap_or(self).clone(),
            Self::Function(name, parts) => {
                Self::Function(name.clone(), parts.iter().map(|part| part.with(values)).collect())
            }
        }
    }

    /// What is protected in it, and how.
    fn protected(&self, found: &mut BTreeSet<(String, String)>) {
        let Self::Function(name, parts) = self else { return };
        if is_protection(name)
            && name != "digest"
            && let Some(Self::Function(content, _)) = parts.last()
        {
            found.insert((name.clone(), content.clone()));
        }
        parts.iter().for_each(|part| part.protected(found));
    }
}

fn att(term: Term) -> Term {
    Term::Function("att".to_owned(), vec![term])
}

fn word(name: &str) -> String {
    name.to_ascii_lowercase().replace('-', "_")
}

/// The fields of a structure; of none, where it is a choice.
pub(crate) fn fields(structure: &Structure) -> &'static [Field] {
    match structure.shape {
        Shape::Sequence(fields) => fields,
        Shape::Choice(_) | Shape::Enumerated(_) => &[],
    }
}

/// Whether a term is of a kind. A variable is of any: what is said elsewhere decides.
fn fits(kind: &Kind, term: &Term) -> bool {
    let Term::Function(function, parts) = term else { return true };
    let is = |wanted: &str, at: usize| parts.get(at).is_some_and(|part| is_named(wanted, part));
    match kind {
        _ if function == "none" => true,
        Kind::Digest(of) => function == "digest" && is(of, 0),
        Kind::Signed { what, by, attached } => {
            let wanted = if *attached { "signed" } else { "detached" };
            function == wanted && parts.first().is_some_and(|who| is_of(*by, who)) && is(what, 1)
        }
        Kind::Sealed { what, to } => {
            function == "sealed"
                && parts.first().is_some_and(|who| is_of(*to, who))
                && parts.get(1).is_some_and(|part| fits(what, part))
        }
        Kind::KeyOf(role) => is_of(*role, term),
        Kind::Named(name) => is_named(name, term),
        Kind::Octets { .. }
        | Kind::Text { .. }
        | Kind::Digits { .. }
        | Kind::Integer { .. }
        | Kind::Boolean
        | Kind::Time
        | Kind::Certificate
        | Kind::List { .. } => !is_structure(function),
    }
}

fn tag(choice: &Structure, alternative: &Field) -> String {
    format!("c_{}_{}", word(choice.name), word(alternative.name))
}

/// The fields that hold what only cardholder and gateway, or applicant and authority, may know.
const SECRETS: &[FieldName] = &[
    ("PANData", "pan"),
    ("PANData", "cardExpiry"),
    ("PANData", "panSecret"),
    ("PANData", "exNonce"),
    ("PANToken", "pan"),
    ("PANToken", "cardExpiry"),
    ("PANToken", "exNonce"),
    ("CodeSubmissionTBE", "exNonce"),
    ("CodeSubmissionTBE", "code"),
    ("CodeSubmissionTBE", "pin"),
    ("RegFormReqTBE", "pan"),
    ("CertReqTBS", "caBackKey"),
    ("PhoneProof", "code"),
    ("CertInqReqTBS", "caBackKey"),
];

fn is_secret(structure: &Structure, field: &Field) -> bool {
    SECRETS.contains(&(structure.name, field.name))
}

fn is_structure(function: &str) -> bool {
    function.starts_with("s_") || function.starts_with("c_") || is_protection(function)
}

fn is_protection(function: &str) -> bool {
    ["digest", "signed", "detached", "sealed"].contains(&function)
}

/// Whether a term is a structure of that name, or a value that the rules do not look into.
fn is_named(name: &str, term: &Term) -> bool {
    let Term::Function(function, _) = term else { return true };
    let name = word(name);
    *function == format!("s_{name}")
        || function.starts_with(&format!("c_{name}_"))
        || !is_structure(function)
}

/// Those who take part are named by the first letter of their role.
fn is_of(role: Role, who: &Term) -> bool {
    let initial = match role {
        Role::Cardholder => 'c',
        Role::Merchant => 'm',
        Role::Gateway => 'g',
        Role::Authority => 'a',
        Role::Applicant => 'p',
    };
    match who {
        Term::Variable(name) => {
            name.to_ascii_lowercase().starts_with(initial) || name.starts_with("Anything")
        }
        Term::Function(name, _) => name.starts_with(initial),
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => f.write_str(&name.replace('-', "_")),
            Self::Function(name, parts) => {
                f.write_str(name)?;
                for (number, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if number == 0 { "(" } else { "," })?;
                }
                f.write_str(if parts.is_empty() { "" } else { ")" })
            }
        }
    }
}
