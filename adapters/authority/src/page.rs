//! Enrolment for a person in a browser: name and number, then the code, then a file to import.

use std::{convert::Infallible, mem, sync::Arc};

use askama::Template;
use axum::{
    Router,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use countersign_certs::{KeyPair, Request, check_pkcs12_passphrase, to_pkcs12};
use countersign_domain::{code::TypedCode, id::ChallengeId, invalid::Field};
use countersign_web::{
    astray::{Way, astray, to_its_page},
    body::{FormBody, Segment},
    client_address::ClientAddress,
    code_page,
    guest::Guest,
    page::{PageStyle, page},
    problem::Problem,
    session::{self, Session},
    words::Language,
};
use zeroize::Zeroizing;

use crate::{
    enrolment::{EnrolmentToken, Started},
    error::AuthorityError,
    message::{CodeForm, StartForm},
    routes::{AuthorityService, Shared},
    words::WORDS,
};

/// How to make a request, on the page.
const REQUEST_COMMAND: &str =
    "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout my.key -subj /CN=me";

pub(crate) fn routes() -> Router<Arc<AuthorityService>> {
    Router::new()
        .route("/enrol", get(ask).post(start))
        .route("/enrol/{id}", get(look))
        .route("/enrol/{id}/code", get(to_its_page).post(finish))
        .route("/enrol/{id}/resend", get(to_its_page).post(resend))
}

/// Nothing is at that address, or not so: to browsers, the way to enrolment.
pub(crate) fn nowhere(guest: &Guest, headers: &HeaderMap, problem: &Problem) -> Response {
    let name = &WORDS.say(&guest.language(None), "get-certificate", &[]);
    astray(headers, guest, problem, Way { name, path: "/enrol" })
}

/// The form for name and number.
#[derive(Template)]
#[template(path = "enrol.html")]
struct Ask<'a> {
    language: &'a Language,
    problem: Option<&'a Problem>,
    identifier: &'a str,
    number: &'a str,
}

/// What the form for the code asks for besides.
#[derive(Template)]
#[template(path = "key.html")]
struct Key<'a> {
    language: &'a Language,
    problem: Option<&'a Problem>,
}

impl Ask<'_> {
    fn say(&self, name: &str) -> String {
        WORDS.say(self.language, name, &[])
    }

    fn is_name_wrong(&self) -> bool {
        let is_of_name = |problem: &Problem| {
            problem.field() == Some(Field::Identifier) || problem.words() == "name-not-allowed"
        };
        self.problem.is_some_and(is_of_name)
    }

    fn is_number_wrong(&self) -> bool {
        self.problem.and_then(Problem::field) == Some(Field::Msisdn)
    }

    fn wrong(&self) -> String {
        self.problem.map(|problem| problem.beside_field(self.language)).unwrap_or_default()
    }
}

impl Key<'_> {
    fn say(&self, name: &str) -> String {
        WORDS.say(self.language, name, &[])
    }

    fn is_passphrase_wrong(&self) -> bool {
        self.problem.is_some_and(|problem| problem.words().starts_with("passphrase-"))
    }

    fn is_request_wrong(&self) -> bool {
        let is_of_request =
            |words: &str| words.starts_with("request-") || words.starts_with("key-");
        self.problem.is_some_and(|problem| is_of_request(problem.words()))
    }

    fn wrong(&self) -> String {
        self.problem.map(|problem| problem.beside_field(self.language)).unwrap_or_default()
    }

    fn request_hint(&self) -> String {
        WORDS.say(self.language, "request-hint", &[("command", REQUEST_COMMAND.into())])
    }
}

/// A page of ours, which is at that path, or answers one of its forms.
fn show(
    main: askama::Result<String>,
    titles: &[&str],
    language: &Language,
    path: &str,
    problem: Option<&Problem>,
) -> Response {
    let path = Some(path);
    let said = titles.iter().map(|title| WORDS.say(language, title, &[]));
    let title = said.collect::<Vec<_>>().join(" · ");
    match main {
        Ok(main) => page(&title, PageStyle { language, party: None, path }, problem, &main),
        Err(error) => {
            tracing::error!(%error, "cannot render the authority's page");
            Problem::internal().into_response()
        }
    }
}

fn asking(language: &Language, problem: Option<&Problem>, form: &StartForm) -> Response {
    let StartForm { identifier, number } = form;
    let ask = Ask { language, problem, identifier, number };
    show(ask.render(), &["get-certificate"], language, "/enrol", problem)
}

/// A request for the page of an enrolment, or from its forms: which one, in which session, and how it is to be answered.
struct Visit {
    token: Result<EnrolmentToken, Problem>,
    guest: Guest,
    language: Language,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let session = Session::from_request_parts(parts, state).await?;
        let id: Segment = Path::from_request_parts(parts, state).await;
        let token = || {
            let id = id.ok().and_then(|Path(id)| ChallengeId::try_from(id).ok());
            let id = id.ok_or(AuthorityError::NoEnrolment)?;
            Ok(EnrolmentToken::at(session.begun()?.clone(), id))
        };
        let token = token();
        let guest = Guest::from_request_parts(parts, state).await?;
        Ok(Self { token, language: guest.language(None), guest })
    }
}

impl Visit {
    /// The page that asks for the code, with what is wrong if anything is; the first page when no code is accepted any more.
    async fn page(&self, service: &AuthorityService, problem: Option<&Problem>) -> Response {
        let started = async {
            let token = self.token.as_ref().map_err(Problem::clone)?;
            Ok::<_, Problem>(service.enrolments.look(token).await?)
        };
        match started.await {
            Ok(started) => coding(&self.language, problem, &started),
            Err(over) => {
                let problem = problem.unwrap_or(&over);
                asking(&self.language, Some(problem), &StartForm::default())
            }
        }
    }
}

fn coding(language: &Language, problem: Option<&Problem>, started: &Started) -> Response {
    let path = started.token.path();
    let main = Key { language, problem }.render().and_then(|fields| {
        let code = code_page::CodeForm {
            language,
            view: &started.code,
            path: &path,
            advice: None,
            fields,
            button: WORDS.say(language, "get-the-certificate", &[]),
            resend_fields: started.can_resend.then(String::new),
            cancel: None,
            problem,
        };
        let heading = WORDS.say(language, "get-certificate", &[]);
        Ok(format!("<h1>{heading}</h1>\n{}", code.render()?))
    });
    show(main, &["type-code", "get-certificate"], language, &path, problem)
}

async fn ask(guest: Guest) -> Response {
    let mut response = asking(&guest.language(None), None, &StartForm::default());
    guest.keep_language(&mut response);
    response
}

async fn start(
    State(service): Shared,
    session: Session,
    guest: Guest,
    client: ClientAddress,
    fields: FormBody<StartForm>,
) -> Response {
    let language = guest.language(None);
    let form = match fields.read() {
        Ok(form) => form,
        Err(problem) => return asking(&language, Some(&problem), &StartForm::default()),
    };
    let begun = async {
        let enrolments = &service.enrolments;
        let new = session.begin(enrolments.ports.entropy.as_ref())?;
        let (identifier, number) = form.read()?;
        let at =
            new.as_ref().or_else(|| session.id()).cloned().ok_or(AuthorityError::NoEnrolment)?;
        let started = enrolments.start(identifier, number, at, language.locale(), client).await?;
        Ok::<_, AuthorityError>((started, new))
    };
    match begun.await {
        // The page is another address than the form's: a browser that reloads it has no further message sent.
        Ok((started, new)) => {
            let mut response = Redirect::to(&started.token.path()).into_response();
            new.inspect(|session| session::keep(&mut response, session));
            response
        }
        Err(error) => asking(&language, Some(&error.into()), &form),
    }
}

async fn look(State(service): Shared, visit: Visit) -> Response {
    let mut response = visit.page(&service, None).await;
    visit.guest.keep_language(&mut response);
    response
}

async fn finish(State(service): Shared, visit: Visit, fields: FormBody<CodeForm>) -> Response {
    let issued = async {
        let mut form = fields.read()?;
        let passphrase = Zeroizing::new(mem::take(&mut form.passphrase));
        let token = visit.token.clone()?;
        let code = TypedCode::try_from(form.code.as_str())?;
        issue(&service, token, code, &form.request, passphrase).await
    };
    match issued.await {
        Ok(file) => file,
        Err(problem) => visit.page(&service, Some(&problem)).await,
    }
}

async fn resend(State(service): Shared, visit: Visit) -> Response {
    let sent = async {
        let token = visit.token.clone()?;
        service.enrolments.resend(&token).await?;
        Ok::<_, Problem>(token)
    };
    match sent.await {
        Ok(token) => Redirect::to(&token.path()).into_response(),
        Err(problem) => visit.page(&service, Some(&problem)).await,
    }
}

/// The file: the certificate with its chain for a key that the person has, or with a new key.
async fn issue(
    service: &Arc<AuthorityService>,
    token: EnrolmentToken,
    code: TypedCode,
    request: &str,
    passphrase: Zeroizing<String>,
) -> Result<Response, Problem> {
    if !request.trim().is_empty() {
        let request = Request::from_file(request.as_bytes()).map_err(AuthorityError::from)?;
        let certificate = service.finish(token, code, request, None).await?;
        let mut pem = String::new();
        for certificate in service.with_chain(certificate) {
            pem.push_str(&certificate.to_pem().map_err(AuthorityError::from)?);
        }
        let kind = "application/x-pem-file";
        return Ok(file(kind, "certificate.pem", pem.into_bytes()));
    }
    // What can be refused is refused before a key is made, and before the code is used up.
    check_pkcs12_passphrase(&passphrase).map_err(AuthorityError::from)?;
    service.enrolments.look(&token).await?;
    let (key, request) = new_key().map_err(AuthorityError::from)?;
    let certificate = service.finish(token, code, request, None).await?;
    let mut chain = vec![certificate];
    chain.extend(service.chain.iter().cloned());
    // Key derivation takes a while, as it must: not on a thread that serves other requests.
    let packed = move || to_pkcs12(&key, &chain, "countersign", &passphrase);
    let packed = tokio::task::spawn_blocking(packed).await;
    let packed = packed.unwrap_or(Err(countersign_certs::Error::Failed("making a PKCS#12 file")));
    Ok(file("application/x-pkcs12", "certificate.p12", packed.map_err(AuthorityError::from)?))
}

fn new_key() -> Result<(KeyPair, Request), countersign_certs::Error> {
    let key = KeyPair::generate()?;
    let request = Request::from_file(key.to_request_pem("enrolment")?.as_bytes())?;
    Ok((key, request))
}

fn file(kind: &'static str, name: &str, content: Vec<u8>) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CONTENT_DISPOSITION, disposition),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, content).into_response()
}
