import jakarta.mail.Folder;
import jakarta.mail.MessagingException;
import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Store;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.util.Properties;

/** Logs in with XOAUTH2 by Jakarta Mail, with the properties that its documentation has for that. */
class Mail {
    static String user = System.getenv("EXO_USER");

    public static void main(String[] args) throws Exception {
        String token = System.getenv("EXO_TOKEN");
        try (Store store = open("imaps", "EXO_IMAP", user, token); Folder inbox = store.getFolder("INBOX")) {
            inbox.open(Folder.READ_ONLY);
            System.out.println("IMAP " + inbox.getMessage(1).getSubject());
        }
        try {
            open("imaps", "EXO_IMAP", "x" + user, token);
        } catch (MessagingException e) {
            System.out.println("IMAP refused " + e.getMessage());
        }
        try (Store store = open("pop3s", "EXO_POP", user, token); Folder inbox = store.getFolder("INBOX")) {
            inbox.open(Folder.READ_ONLY);
            System.out.println("POP " + inbox.getMessage(1).getSubject());
        } catch (MessagingException e) {
            System.out.println("POP refused " + e.getMessage());
        }
        Properties p = properties("smtp");
        p.put("mail.smtp.starttls.enable", "true");
        p.put("mail.smtp.starttls.required", "true");
        Session session = Session.getInstance(p);
        MimeMessage message = new MimeMessage(session);
        message.setFrom(new InternetAddress(user));
        message.setRecipient(Message.RecipientType.TO, new InternetAddress("someone@example.com"));
        message.setSubject("x");
        message.setText("x");
        try (Transport transport = session.getTransport("smtp")) {
            String[] at = System.getenv("EXO_SMTP").split(":");
            transport.connect(at[0], Integer.parseInt(at[1]), user, token);
            transport.sendMessage(message, message.getAllRecipients());
            System.out.println("SMTP sent");
        }
    }

    static Properties properties(String protocol) {
        Properties p = new Properties();
        p.put("mail." + protocol + ".auth.mechanisms", "XOAUTH2");
        p.put("mail." + protocol + ".auth", "true");
        p.put("mail." + protocol + ".auth.xoauth2.two.line.authentication.format", "true");
        return p;
    }

    static Store open(String protocol, String address, String name, String token) throws MessagingException {
        String[] at = System.getenv(address).split(":");
        Store store = Session.getInstance(properties(protocol)).getStore(protocol);
        store.connect(at[0], Integer.parseInt(at[1]), name, token);
        return store;
    }
}
